Feature: A team of regular users is served well
  A closed loop: no user asks again before the last answer was read.

  Scenario: A batch of forty questions, eight at a time
    Given the model "llama-3.1-8b" is being served
    And conversations are drawn from "prompts"
    And answers are at most 64 tokens long
    And 8 users ask with a think time of 0 seconds
    When the load runs for 40 requests
    Then these objectives are met:
      | p50 E2E latency | at most 5 s |
      | requests        | exactly 40  |
      | error rate      | none        |
