#!/usr/bin/env python3
"""Others' clients against the simulator: the official Python Stream SDK and three independent webhook clients.

    cargo build && tests/clients/run.py [path of the rowbell program]

It makes a virtual environment of its own under target/clients and installs the clients there from PyPI, so it needs the
network; it is not a part of `tests/run`. It says what it saw, and ends with 1 when anything was not as it should be.
"""
import asyncio
import json
import os
import pathlib
import subprocess
import sys
import urllib.request
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / "target" / "clients"
PACKAGES = ["dingtalk-stream==0.24.3", "DingtalkChatbot==1.5.7", "onepush==1.10.0", "apprise==2.3.0"]
APP, APP_SECRET, PERSON, CONVERSATION = "dingclients", "a-secret-of-the-app", "user01", "cidClients+/1=="
SECRET = "SEC" + "5e" * 32
TEMPLATE = "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema"
failures = []


def check(what, is_right, seen=""):
    print(("ok      " if is_right else "WRONG   ") + what + (f": {seen}" if seen != "" else ""))
    if not is_right:
        failures.append(what)


def into_environment():
    """Runs this file again with the clients' own Python."""
    python = ENVIRONMENT / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == ENVIRONMENT.resolve():
        return
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES], check=True)
    os.execv(python, [str(python), *sys.argv])


def start(program):
    """The simulator on a free port; its process and its address."""
    options = [
        "--listen", "127.0.0.1:0", "--language", "en", "--robot", "open=plain", "--robot", f"signed=signing,{SECRET}",
        "--app", f"{APP}={APP_SECRET}", "--person", f"{PERSON}=On duty,13800000001", "--conversation", f"{CONVERSATION}=Duty group",
    ]
    process = subprocess.Popen([program, "--json", "simulator", *options], stdout=subprocess.PIPE, text=True)
    return process, json.loads(process.stdout.readline())["api"]


def ask(url, body=None, method=None, token=None):
    headers = {"content-type": "application/json"}
    if token:
        headers["x-acs-dingtalk-access-token"] = token
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=15) as answer:
        return json.loads(answer.read() or b"null")


def webhooks(api):
    """Two clients, with and without a signature, and with a wrong one."""
    from dingtalkchatbot.chatbot import DingtalkChatbot

    hook = f"{api}/robot/send?access_token="
    said = DingtalkChatbot(hook + "plain").send_text(msg="chatbot, unsigned")
    check("DingtalkChatbot without a signature is accepted", said["errcode"] == 0, said)
    said = DingtalkChatbot(hook + "signing", secret=SECRET).send_markdown(title="t", text="chatbot, signed")
    check("DingtalkChatbot with a signature is accepted", said["errcode"] == 0, said)
    said = DingtalkChatbot(hook + "signing", secret="SECwrong").send_text(msg="chatbot, wrongly signed")
    check("DingtalkChatbot with a wrong signature is refused", said["errcode"] == 310000, said)

    from onepush.providers.dingtalk import DingTalk

    DingTalk.base_url = hook + "{}"  # there is no setting for the host
    for token, secret, code, what in [
        ("plain", None, 0, "without a signature is accepted"),
        ("signing", SECRET, 0, "with a signature is accepted"),
        ("signing", "SECwrong", 310000, "with a wrong signature is refused"),
    ]:
        said = DingTalk().notify(token=token, secret=secret, title="t", content=f"onepush, {what}").json()
        check(f"onepush {what}", said["errcode"] == code, said["errcode"])

    import apprise
    from apprise.plugins.dingtalk import NotifyDingTalk

    NotifyDingTalk.notify_url = hook + "{token}"  # there is no setting for the host
    calls = f"{api}/simulator/calls"
    before = len(ask(calls))
    client = apprise.Apprise()
    client.add("dingtalk://plain/")
    client.notify(title="t", body="apprise")
    check("apprise without a signature is accepted", [call["outcome"] for call in ask(calls)[before:]] == ["accepted"])
    # Version 2.3.0 encodes its signature twice, which DingTalk refuses, and takes HTTP 200 for success.
    client = apprise.Apprise()
    client.add(f"dingtalk://{SECRET}@signing/")
    thinks = client.notify(title="t", body="apprise, signed")
    code = ask(calls)[-1].get("code")
    check("apprise with a signature, which it encodes twice, is refused", code == 310000, f"{code}; apprise says it was sent: {thinks}")
    texts = [message["text"] for message in ask(f"{api}/simulator/messages")]
    check("five messages are in the chats", len(texts) == 5, texts)


def card(api, token):
    button = {"text": "Acknowledge", "color": "blue", "id": "acknowledge", "request": True, "params": {"delivery": "7"}}
    return ask(f"{api}/v1.0/card/instances/createAndDeliver", {
        "cardTemplateId": TEMPLATE, "outTrackId": "card-1", "callbackType": "STREAM",
        "cardData": {"cardParamMap": {
            "title": "low stock", "markdown": "A-17", "tips": "new", "sys_full_json_obj": json.dumps({"msgButtons": [button]}),
        }},
        "openSpaceId": f"dtv1.card//IM_ROBOT.{PERSON}",
        "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": APP},
    }, token=token)


async def stream(api):
    """The official SDK: a bot message with its answer, a card callback that updates the card, a reconnection."""
    os.environ["DINGTALK_OPENAPI_ENDPOINT"] = api
    import dingtalk_stream
    from dingtalk_stream import AckMessage

    heard = []

    class Bot(dingtalk_stream.ChatbotHandler):
        async def process(self, callback):
            message = dingtalk_stream.ChatbotMessage.from_dict(callback.data)
            heard.append((message.text.content.strip(), message.sender_staff_id, message.conversation_id))
            await asyncio.to_thread(self.reply_text, "all is well", message)
            return AckMessage.STATUS_OK, "OK"

    class Card(dingtalk_stream.CallbackHandler):
        async def process(self, callback):
            message = dingtalk_stream.CardCallbackMessage.from_dict(callback.data)
            heard.append((message.content["cardPrivateData"]["actionIds"], message.user_id, message.card_instance_id))
            return AckMessage.STATUS_OK, {
                "cardUpdateOptions": {"updateCardDataByKey": True}, "cardData": {"cardParamMap": {"tips": "acknowledged"}},
            }

    client = dingtalk_stream.DingTalkStreamClient(dingtalk_stream.Credential(APP, APP_SECRET))
    client.register_callback_handler(dingtalk_stream.ChatbotMessage.TOPIC, Bot())
    client.register_callback_handler(dingtalk_stream.CallbackHandler.TOPIC_CARD_CALLBACK, Card())
    running = asyncio.create_task(client.start())

    async def order(path, body=None):
        return await asyncio.to_thread(ask, f"{api}/simulator/{path}", body)

    async def connected(count):
        for _ in range(300):
            if await order("streams") == count:
                return True
            await asyncio.sleep(0.1)
        return False

    check("the SDK connects", await connected(1))
    said = await order("say", {"user_id": PERSON, "conversation": CONVERSATION, "text": "status"})
    check("a bot message is acknowledged by the SDK", said["taken"], heard)
    check("the SDK reads it", heard == [("status", PERSON, CONVERSATION)])
    replies = [message["text"] for message in await order("app_messages") if message["form"] == "reply"]
    check("its answer by sessionWebhook is shown", replies == ["all is well"], replies)

    token = (await asyncio.to_thread(ask, f"{api}/v1.0/oauth2/accessToken", {"appKey": APP, "appSecret": APP_SECRET}))["accessToken"]
    delivered = await asyncio.to_thread(card, api, token)
    check("a card is delivered", delivered["result"]["deliverResults"][0]["success"])
    outcome = await order("press", {"out_track_id": "card-1", "user_id": PERSON, "action_id": "acknowledge"})
    check("a card callback is acknowledged by the SDK", outcome == "taken", heard[-1])
    shown = (await order("cards"))[0]["data"]
    check("the card changes as the SDK answered", (shown["tips"], shown["title"]) == ("acknowledged", "low stock"), shown["tips"])

    await order("streams/disconnect", {})
    check("told to disconnect, the SDK connects anew", await connected(1))
    said = await order("say", {"user_id": PERSON, "text": "once more"})
    check("a message over the new connection is acknowledged", said["taken"])
    return running


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target" / "debug" / "rowbell")
    into_environment()
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            del os.environ[name]
    process, api = start(program)
    try:
        webhooks(api)
        asyncio.new_event_loop().run_until_complete(asyncio.wait_for(stream(api), 60))
    finally:
        process.terminate()
        process.wait()
    print(f"{len(failures)} wrong" if failures else "all as it should be")
    sys.stdout.flush()
    # The SDK takes no cancellation for an answer: it would connect anew for ever.
    os._exit(bool(failures))


if __name__ == "__main__":
    main()
