# What a chat server must do, in sentences. Change the numbers to yours.
# All sentences: https://github.com/vllmspec/vllmspec/blob/main/docs/sentences.md
# All metrics:   https://github.com/vllmspec/vllmspec/blob/main/docs/metrics.md
Feature: Chat answers promptly

  Scenario: Everyday traffic
    # The model that is asked. Which server serves it is said by VLLM_URL; without one a mock is measured.
    Given the model "llama-3.1-8b" is being served
    # What is asked: prompts and answers of these lengths, in tokens, mean ± standard deviation.
    And prompts of 512 ± 128 tokens are answered in 128 ± 32 tokens
    # No request finds the prompt of another in the server's prefix cache.
    And the prefix cache is cold
    # How often: users come at random, whether or not the server keeps up.
    And requests arrive as a Poisson process at 8 per second
    # These first requests are sent, and not judged.
    And the first 10 seconds are warm-up
    # How long. On the mock this takes seconds, on a server as long as it says.
    When the load runs for 2 minutes
    # What must hold. A row is met, missed or unknown; only met passes.
    Then these objectives are met:
      | p95 TTFT          | at most 300 ms                 |
      | p95 ITL           | at most 50 ms                  |
      | output throughput | at least 700 tokens per second |
      | error rate        | at most 0.1%                   |
