Feature: Prompts with images, videos and clips of sound
  What is shown takes the server longer than what is said, unless it has seen it before.

  Background:
    Given the model "llama-3.1-8b" is being served

  Scenario: Questions about two pictures each
    Given prompts of 64 tokens are answered in 32 tokens
    And each prompt has 2 images of 448x448
    And requests arrive as a Poisson process at 2 per second
    When the load runs for 30 seconds
    Then these objectives are met:
      | p50 TTFT                  | at most 500 ms |
      | mean input tokens         | exactly 576    |
      | multimodal cache hit rate | at most 1%     |
      | error rate                | none           |
    And client and server agree on:
      | requests      | exactly |
      | prompt tokens | exactly |
      | output tokens | exactly |

  Scenario: One of ten pictures, which the server soon knows
    Given conversations are drawn from "sharegpt"
    And answers are at most 32 tokens long
    And each prompt has one of 10 images of 224x224
    And requests arrive as a Poisson process at 4 per second
    And the first 10 seconds are warm-up
    When the load runs for 40 seconds
    Then these objectives are met:
      | multimodal cache hit rate | at least 80% |
      | error rate                | none         |

  Scenario: A short film and what is said in it
    Given prompts of 64 tokens are answered in 32 tokens
    And it is asked over "chat"
    And each prompt has a video of 2 seconds at 160x120
    And each prompt has a clip of 2 seconds
    And requests arrive evenly at 1 per second
    When the load runs for 20 seconds
    Then these objectives are met:
      | mean input tokens | at least 400 |
      | error rate        | none         |
    And client and server agree on:
      | prompt tokens | exactly |
