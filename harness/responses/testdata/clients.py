"""Reads responses with OpenAI's own client.

On standard input: a list of {"url": …, "stream": true or false, "tool": true or false}. On standard output: what it made of each.
"""
import json, sys

import openai

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}


def read(case):
    client = openai.OpenAI(base_url=case["url"] + "/v1", api_key="none", max_retries=0, timeout=10)
    out = {"text": "", "reasoning": "", "refusal": "", "status": "", "input": -1, "output": -1, "cached": -1, "error": ""}

    def end(response):
        out["status"] = response.status
        if response.usage:
            out["input"], out["output"] = response.usage.input_tokens, response.usage.output_tokens
            out["cached"] = response.usage.input_tokens_details.cached_tokens

    def whole(response):
        for item in response.output:
            if item.type == "message":
                for part in item.content:
                    out["text"] += getattr(part, "text", "") or ""
                    out["refusal"] += getattr(part, "refusal", "") or ""
            elif item.type == "reasoning":
                out["reasoning"] += "".join(part.text for part in item.content or [])
            elif item.type == "function_call":
                out["text"] += item.name + item.arguments
        end(response)

    try:
        asked = dict(model="tiny", input=[{"role": "user", "content": "Hello"}], max_output_tokens=40, store=False)
        if case["tool"]:
            asked["tools"] = [{"type": "function", "name": "weather", "parameters": CITY}]
        if not case["stream"]:
            whole(client.responses.create(**asked))
            return out
        for event in client.responses.create(stream=True, **asked):
            match event.type:
                case "response.output_text.delta" | "response.function_call_arguments.delta":
                    out["text"] += event.delta
                case "response.output_item.added" if event.item.type == "function_call":
                    out["text"] += event.item.name
                case "response.reasoning_text.delta":
                    out["reasoning"] += event.delta
                case "response.refusal.delta":
                    out["refusal"] += event.delta
                case "response.completed" | "response.incomplete":
                    end(event.response)
                case "response.failed":
                    out["error"] = event.response.error.message
                case "error":
                    out["error"] = event.message
    except Exception as problem:
        out["error"] = f"{type(problem).__name__}: {problem}"[:300]
    return out


json.dump([read(case) for case in json.load(sys.stdin)], sys.stdout)
