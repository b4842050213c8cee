@simulated
Feature: What the client counted agrees with what the server counted
  From just before the load until after the last answer the server's own counters
  rise by what the client saw, exactly; where they do not, somebody counts wrong.

  Background:
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second

  Scenario: An honest server
    When the load runs for 30 seconds
    Then client and server agree on:
      | requests         | exactly         |
      | prompt tokens    | exactly         |
      | output tokens    | exactly         |
      | mean TTFT        | to within 10 ms |
      | mean E2E latency | to within 10 ms |

  Scenario: What fails is not counted by either
    Given it refuses 5% of requests
    And it cuts 5% of answers short
    And it answers 5% of requests with status 503
    And the first 10 seconds are warm-up
    When the load runs for 30 seconds
    Then client and server agree on:
      | requests                | exactly |
      | prompt tokens           | exactly |
      | output tokens           | exactly |
      | answers ended by length | exactly |
      | HTTP errors             | exactly |

  Scenario: Usage that is wrong
    Given the usage of every 10th answer tells 1.5 times as many tokens
    When the load runs for 30 seconds
    Then client and server agree on:
      | requests      | exactly       |
      | prompt tokens | exactly       |
      | output tokens | to within 10% |
    And client and server do not agree on output tokens
    And the reason names "the usage in the answers comes to"

  Scenario: Requests that the server does not count
    Given it leaves every 10th request out of its counters
    When the load runs for 30 seconds
    Then client and server do not agree on requests
    And the reason names "were answered that the server does not count"

  Scenario: Requests that are counted twice
    Given it counts 5% of requests twice
    When the load runs for 30 seconds
    Then client and server do not agree on requests
    And the reason names "that the client did not ask for"

  Scenario: Answers that never arrive
    Given it has the fault "stall every=20"
    When the load runs for 30 seconds
    Then client and server do not agree on requests
    And the reason names "that did not come whole to the client"
