import http from 'k6/http';

export const options = {
  scenarios: {
    chat: { executor: 'constant-arrival-rate', rate: 12, timeUnit: '1s', duration: '4s', preAllocatedVUs: 20 },
  },
};

export default function () {
  const body = { model: 'llama-3.1-8b', prompt: 'word '.repeat(128), max_tokens: 24, ignore_eos: true };
  http.post('http://127.0.0.1:18432/v1/completions', JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } });
}
