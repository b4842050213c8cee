"""Reads answers with the clients of others: OpenAI's own, and httpx-sse.

On standard input: a list of {"url": …, "chat": true or false}. On standard output:
for each of them what each client made of it.
"""
import concurrent.futures, json, sys

import httpx
import httpx_sse
import openai

SILENCE = 3  # s that a client waits for the next byte


def of_openai(case):
    client = openai.OpenAI(base_url=case["url"] + "/v1", api_key="none", max_retries=0, timeout=SILENCE)
    out = {"text": "", "finish": "", "output": -1, "error": ""}
    try:
        if case["chat"]:
            stream = client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "Hi"}], stream=True, stream_options={"include_usage": True})
        else:
            stream = client.completions.create(model="tiny", prompt="Hi", stream=True, stream_options={"include_usage": True})
        for chunk in stream:
            for choice in chunk.choices or []:
                out["text"] += (choice.delta.content if case["chat"] else choice.text) or ""
                out["finish"] = choice.finish_reason or out["finish"]
            if chunk.usage:
                out["output"] = chunk.usage.completion_tokens
    except Exception as problem:
        out["error"] = f"{type(problem).__name__}: {problem}"[:300]
    return out


def of_httpx_sse(case):
    """What a client that knows the fields of an answer makes of the events."""
    out = {"text": "", "finish": "", "output": -1, "error": ""}
    path = "/v1/chat/completions" if case["chat"] else "/v1/completions"
    try:
        with httpx.Client(timeout=SILENCE, trust_env=False) as client, httpx_sse.connect_sse(client, "POST", case["url"] + path, json={}) as source:
            source.response.raise_for_status()
            for event in source.iter_sse():
                if event.data == "[DONE]":
                    break
                if event.event not in ("message", "error") or not event.data:
                    continue
                chunk = event.json()
                if event.event == "error" or chunk.get("error"):
                    raise RuntimeError(event.data)
                for choice in chunk.get("choices") or []:
                    out["text"] += (choice.get("delta", {}).get("content") if case["chat"] else choice.get("text")) or ""
                    out["finish"] = choice.get("finish_reason") or out["finish"]
                if chunk.get("usage"):
                    out["output"] = chunk["usage"]["completion_tokens"]
    except Exception as problem:
        out["error"] = f"{type(problem).__name__}: {problem}"[:300]
    return out


cases = json.load(sys.stdin)
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    both = zip(pool.map(of_openai, cases), pool.map(of_httpx_sse, cases))
    json.dump([{"openai": a, "httpx-sse": b} for a, b in both], sys.stdout)
