Feature: Chat answers promptly under everyday load
  People abandon a chat that does not begin to answer within half a second.

  Scenario: A working day's traffic
    Given the model "llama-3.1-8b" is being served
    And conversations are drawn from "sharegpt"
    And answers are at most 256 tokens long
    And the prefix cache is cold
    And a request is good when:
      | TTFT | at most 500 ms |
      | TPOT | at most 50 ms  |
    And requests arrive as a Poisson process at 8 per second
    And the first 30 seconds are warm-up
    When the load runs for 3 minutes
    Then these objectives are met:
      | p99 TTFT           | at most 500 ms          |
      | p95 ITL            | at most 40 ms           |
      | goodput            | at least 7 per second   |
      | error rate         | at most 0.1%            |
      | max KV cache usage | at most 90%             |
      | total preemptions  | none                    |
