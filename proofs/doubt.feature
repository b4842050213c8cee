@simulated
Feature: What is not known is not called met
  No data, too little data, and a client that was late itself are three ways of
  not knowing.

  Background:
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second

  Scenario: An objective without data is unknown
    When the load runs for 1 minute
    Then the objective "mean GPU utilisation at least 40%" is unknown

  Scenario: Thirty requests do not make a p99
    When the load runs for 30 requests
    Then the objective "p99 TTFT at most 500 ms" is unknown

  Scenario: A limit inside the interval is not decided
    Given a request is good when:
      | TTFT | at most 10 s |
    When the load runs for 1 minute
    Then these objectives are met:
      | attainment | at least 99% |
    And the objective "attainment at least 99.9%" is unknown

  Scenario: A client that was late voids what that may have changed
    Given our client is held up for 3 seconds after 20 seconds
    When the load runs for 1 minute
    Then these objectives are met:
      | p50 TTFT   | at most 10 s |
      | error rate | none         |
    And the objective "p97 TTFT at most 1 s" is unknown
    And the objective "p50 TPOT at most 1 s" is unknown
