//! Connections that can be cut in the middle of a call: what a network does, and an HTTP library does not offer.
//!
//! Each accepted stream shares a [`Cutter`] with the handler of its calls. Once it is used, reading and writing fail, so
//! that the server drops the connection, and with it the handler that still waits, without an answer.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures_util::task::AtomicWaker;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// How long to wait when no connection can be accepted, for want of file handles for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Cuts one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Cutter(Arc<Cut>);

#[derive(Debug, Default)]
struct Cut {
    done: AtomicBool,
    reader: AtomicWaker,
}

impl Cutter {
    /// Cuts it now.
    pub fn cut(&self) {
        self.0.done.store(true, Ordering::Release);
        self.0.reader.wake();
    }

    fn check(&self) -> io::Result<()> {
        if self.0.done.load(Ordering::Acquire) { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

/// Who calls, and how to cut them off.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub address: IpAddr,
    pub cutter: Cutter,
}

impl Connected<IncomingStream<'_, CuttableListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Peer {
        Peer { address: stream.remote_addr().ip().to_canonical(), cutter: stream.io().cutter.clone() }
    }
}

/// Every open connection.
#[derive(Clone, Default)]
pub(super) struct Connections(Arc<Mutex<Vec<Weak<Cut>>>>);

impl Connections {
    /// Cuts them all.
    pub fn cut_all(&self) {
        for cut in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade) {
            Cutter(cut).cut();
        }
    }

    fn add(&self, cutter: &Cutter) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|cut| cut.strong_count() > 0);
        open.push(Arc::downgrade(&cutter.0));
    }
}

/// A TCP listener whose connections can be cut.
pub(super) struct CuttableListener {
    listener: TcpListener,
    connections: Connections,
}

impl CuttableListener {
    pub async fn bind(address: SocketAddr) -> io::Result<CuttableListener> {
        Ok(CuttableListener { listener: TcpListener::bind(address).await?, connections: Connections::default() })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CuttableStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    let cutter = Cutter::default();
                    self.connections.add(&cutter);
                    return (CuttableStream { stream, cutter }, address);
                }
                Err(error) => {
                    tracing::warn!(%error, "the simulator cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.address()
    }
}

/// A TCP connection that can be cut.
pub(super) struct CuttableStream {
    stream: TcpStream,
    cutter: Cutter,
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // Registered before the check, so that a cut in between is not missed.
        self.cutter.0.reader.register(context.waker());
        self.cutter.check()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.cutter.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
