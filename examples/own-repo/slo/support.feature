Feature: Support answers promptly

  Scenario: Tickets of an ordinary day
    Given the model "llama-3.1-8b" is being served
    And conversations are drawn from "tickets"
    And answers are at most 64 tokens long
    And requests arrive as a Poisson process at 8 req/s
    And the first 10s are warm-up
    When the load runs for 2 min
    Then these objectives are met:
      | metric           | limit    |
      | p95 TTFT         | < 300 ms |
      | p95 writing time | under 2s |
      | error rate       | none     |
