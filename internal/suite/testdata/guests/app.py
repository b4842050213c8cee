"""An ASGI application that answers as vLLM's chats do: four chunks, 12 ms apart."""
import asyncio, json

MODELS = json.dumps({"object": "list", "data": [{"id": "tiny"}]}).encode()

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    async def whole(status, body):
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})
    if scope["path"] == "/v1/models":
        return await whole(200, MODELS)
    if scope["path"] != "/v1/chat/completions":
        return await whole(404, b'{"detail":"Not Found"}')
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    def event(o): return b"data: " + (o if isinstance(o, bytes) else json.dumps(o).encode()) + b"\n\n"
    for i in range(4):
        await asyncio.sleep(0.012)
        await send({"type": "http.response.body", "body": event({"id": "x", "model": "tiny", "choices": [{"index": 0, "delta": {"content": "t%d " % i}, "finish_reason": "length" if i == 3 else None}]}), "more_body": True})
    await send({"type": "http.response.body", "body": event({"id": "x", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 4}}) + event(b"[DONE]")})
