Feature: Completions of a known length keep their pace
  A batch job knows how long its prompts and its answers are, and plans with that.

  Scenario: Most prompts are short, and some are long
    Given the model "llama-3.1-8b" is being served
    And prompts of a log-normal 512 ± 512 tokens are answered in a log-normal 64 ± 32 tokens
    And requests arrive as a Poisson process at 4 per second
    When the load runs for 1 minute
    Then these objectives are met:
      | mean input tokens | between 400 and 640 |
      | p50 TTFT          | at most 300 ms      |
      | error rate        | none                |

  Scenario: Prompts as long as they were last month
    Given the model "llama-3.1-8b" is being served
    And the lengths of prompts are drawn from "fixtures/lengths.csv"
    And answers are at most 64 tokens long
    And requests arrive as a Poisson process at 4 per second
    When the load runs for 1 minute
    Then these objectives are met:
      | mean input tokens  | between 200 and 500 |
      | max input tokens   | at most 4,095       |
      | min output tokens  | exactly 64          |
      | error rate         | none                |
