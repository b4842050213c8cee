"""Reads messages with Anthropic's own client.

On standard input: a list of {"url": …, "stream": true or false, "tool": true or false}. On standard output: what it made of each.
"""
import json, sys

import anthropic

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}


def read(case):
    client = anthropic.Anthropic(base_url=case["url"], api_key="none", max_retries=0, timeout=10)
    out = {"text": "", "reasoning": "", "finish": "", "input": -1, "output": -1, "cached": -1, "error": ""}

    def end(message):
        out["finish"] = message.stop_reason or ""
        if message.usage:
            cached, created = message.usage.cache_read_input_tokens, message.usage.cache_creation_input_tokens
            out["input"], out["output"] = message.usage.input_tokens + (cached or 0) + (created or 0), message.usage.output_tokens
            out["cached"] = -1 if cached is None else cached

    def whole(message):
        for block in message.content:
            if block.type == "text":
                out["text"] += block.text
            elif block.type == "thinking":
                out["reasoning"] += block.thinking
            elif block.type == "tool_use":
                out["text"] += block.name + json.dumps(block.input, separators=(",", ":"))
        end(message)

    try:
        asked = dict(model="tiny", messages=[{"role": "user", "content": "Hello"}], max_tokens=40)
        if case["tool"]:
            asked["tools"] = [{"name": "weather", "input_schema": CITY}]
        if not case["stream"]:
            whole(client.messages.create(**asked))
            return out
        stopped = False
        with client.messages.stream(**asked) as stream:
            for event in stream:
                stopped = stopped or event.type == "message_stop"
            whole(stream.get_final_message())
        if not stopped:
            out["error"] = "no message_stop"
    except Exception as problem:
        out["error"] = f"{type(problem).__name__}: {problem}"[:300]
    return out


json.dump([read(case) for case in json.load(sys.stdin)], sys.stdout)
