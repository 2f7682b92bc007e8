# syntax=docker/dockerfile:1
# rowbell as a small image: the program, root certificates, time zones; no compiler, no root.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist --bin rowbell \
 && install -D target/dist/rowbell /out/rowbell

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/rowbell rowbell
COPY --from=build /out/rowbell /usr/local/bin/rowbell
COPY watchers /etc/rowbell/watchers
# The store is an SQLite file in the working directory: keep this volume on a local disk, not on a network mount.
USER rowbell
WORKDIR /var/lib/rowbell
VOLUME /var/lib/rowbell
ENV ROWBELL_CONFIG=/etc/rowbell/rowbell.toml
ENTRYPOINT ["rowbell"]
CMD ["run"]
