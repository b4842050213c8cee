@simulated
Feature: The harness does not flatter a server that stalls
  Latency counts from when a request was due, so a stall is felt by everyone
  whose turn came during it, not only by the few who were already being served.

  Scenario: A freeze is felt by everyone who was due during it
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it freezes for 10 seconds after 30 seconds
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 1 minute
    Then these objectives are met:
      | max TTFT | at least 9 s |
      | p99 lag  | at most 1 ms |
    And the objective "p99 TTFT at most 5 s" is missed

  Scenario: A closed loop alone would have hidden it
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it freezes for 10 seconds after 1 minute
    And prompts of 256 tokens are answered in 64 tokens
    And 4 users ask with a think time of 0 seconds
    When the load runs for 2 minutes
    Then these objectives are met:
      | p99 TTFT        | at most 500 ms |
      | max longest gap | at least 5 s   |
