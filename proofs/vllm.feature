@vllm
Feature: A server counts what we count
  Small loads that a vLLM on two CPU cores carries as well as the mock does: what
  was asked and what was answered agrees with the server's own counters. How fast it
  is does not matter here, and so it may be twenty seconds late.

  Background:
    Given the model "llama-3.1-8b" is being served

  Scenario: Completions of exact lengths
    Given prompts of 100 tokens are answered in 16 tokens
    And 4 users ask with a think time of 0 seconds
    When the load runs for 20 requests
    Then these objectives are met:
      | max TTFT                                        | at most 20 s  |
      | requests                                        | exactly 20    |
      | error rate                                      | none          |
      | min input tokens                                | exactly 100   |
      | max output tokens                               | exactly 16    |
      | max concurrency                                 | at most 4     |
      | total "vllm:request_success_total"              | exactly 20    |
      | total "vllm:prompt_tokens_total"                | exactly 2,000 |
      | total "vllm:generation_tokens_total"            | exactly 320   |
      | total "vllm:time_to_first_token_seconds_count"  | exactly 20    |
      | total "vllm:inter_token_latency_seconds_count"  | exactly 300   |
      | total "vllm:e2e_request_latency_seconds_count"  | exactly 20    |
      | total "vllm:request_params_max_tokens_count"    | exactly 20    |
      | total preemptions                               | none          |

  Scenario: Answers of a single token
    Given prompts of 1 tokens are answered in 1 tokens
    And 1 users ask with a think time of 0 seconds
    When the load runs for 8 requests
    Then these objectives are met:
      | max TTFT                                       | at most 20 s|
      | error rate                                     | none      |
      | total "vllm:request_success_total"             | exactly 8 |
      | total "vllm:generation_tokens_total"           | exactly 8 |
      | total "vllm:inter_token_latency_seconds_count" | none      |

  Scenario: Questions of a chat
    Given conversations are drawn from "sharegpt"
    And answers are at most 12 tokens long
    And every answer runs to its full length
    And 2 users ask with a think time of 0 seconds
    When the load runs for 10 requests
    Then these objectives are met:
      | max TTFT                             | at most 20 s|
      | error rate                           | none        |
      | min output tokens                    | exactly 12  |
      | total "vllm:request_success_total"   | exactly 10  |
      | total "vllm:generation_tokens_total" | exactly 120 |

  Scenario: Conversations of three turns
    Given conversations are drawn from "sharegpt"
    And conversations have 3 turns
    And answers are at most 48 tokens long
    And every answer runs to its full length
    And 2 users ask with a think time of 0 seconds
    When the load runs for 12 requests
    Then these objectives are met:
      | max TTFT                             | at most 20 s |
      | error rate                           | none         |
      | total "vllm:request_success_total"   | exactly 12   |
      | total "vllm:generation_tokens_total" | exactly 576  |
      | prefix cache hit rate                | at least 10% |

  Scenario: Conversations of three turns over responses
    Given conversations are drawn from "sharegpt"
    And conversations have 3 turns
    And answers are at most 48 tokens long
    And every answer runs to its full length
    And it is asked over "responses"
    And 2 users ask with a think time of 0 seconds
    When the load runs for 12 requests
    Then these objectives are met:
      | max TTFT                             | at most 20 s |
      | error rate                           | none         |
      | total "vllm:request_success_total"   | exactly 12   |
      | total "vllm:generation_tokens_total" | exactly 576  |
      | prefix cache hit rate                | at least 10% |
    And client and server agree on:
      | requests      | exactly |
      | prompt tokens | exactly |
      | output tokens | exactly |

  Scenario: Conversations of three turns over messages
    Given conversations are drawn from "sharegpt"
    And conversations have 3 turns
    And answers are at most 48 tokens long
    And it is asked over "messages"
    And 2 users ask with a think time of 0 seconds
    When the load runs for 12 requests
    Then these objectives are met:
      | max TTFT                           | at most 20 s |
      | error rate                         | none         |
      | total "vllm:request_success_total" | exactly 12   |
      | prefix cache hit rate              | at least 10% |
    And client and server agree on:
      | requests      | exactly |
      | prompt tokens | exactly |
      | output tokens | exactly |

  Scenario: Tokens in, tokens out
    Given prompts of 100 tokens are answered in 16 tokens
    And it is asked over "generate"
    And 4 users ask with a think time of 0 seconds
    When the load runs for 20 requests
    Then these objectives are met:
      | max TTFT                                       | at most 20 s  |
      | error rate                                     | none          |
      | min input tokens                               | exactly 100   |
      | max output tokens                              | exactly 16    |
      | total "vllm:request_success_total"             | exactly 20    |
      | total "vllm:prompt_tokens_total"               | exactly 2,000 |
      | total "vllm:generation_tokens_total"           | exactly 320   |
      | total "vllm:inter_token_latency_seconds_count" | exactly 300   |
    And client and server agree on:
      | requests      | exactly |
      | prompt tokens | exactly |
      | output tokens | exactly |

  Scenario: Twenty at one instant
    Given prompts of 50 tokens are answered in 16 tokens
    And all requests arrive at once
    When the load runs for 20 requests
    Then these objectives are met:
      | max TTFT                             | at most 20 s  |
      | error rate                           | none          |
      | max concurrency                      | at least 10   |
      | total "vllm:request_success_total"   | exactly 20    |
      | total "vllm:prompt_tokens_total"     | exactly 1,000 |
      | total "vllm:generation_tokens_total" | exactly 320   |

  Scenario: Some leave before the end
    Given prompts of 50 tokens are answered in 500 tokens
    And 4 users ask with a think time of 0 seconds
    And 50% of requests are given up after 1 second
    When the load runs for 12 requests
    Then these objectives are met:
      | max TTFT                                       | at most 20 s|
      | error rate                                     | none       |
      | requests                                       | exactly 12 |
      | total "vllm:request_success_total"             | exactly 4  |
      | total "vllm:time_to_first_token_seconds_count" | exactly 12 |

  Scenario: Mistakes cost nothing but an error
    Given the traffic is a mix of:
      | sound    | 50% | prompts of 50 tokens are answered in 4 tokens      |                      |
      | lost     | 25% | prompts of 50 tokens are answered in 4 tokens      | asked of a model that is not served |
      | too long | 25% | prompts of 140,000 tokens are answered in 4 tokens |                      |
    And 2 users ask with a think time of 0 seconds
    When the load runs for 24 requests
    Then these objectives are met:
      | sound: max TTFT                      | at most 20 s |
      | sound: error rate                    | none         |
      | lost: error rate                     | exactly 100% |
      | too long: error rate                 | exactly 100% |
      | total "vllm:request_success_total"   | exactly 11   |
      | total "vllm:generation_tokens_total" | exactly 44   |

  Scenario: A beginning that all share is computed once
    Given prompts of 32 tokens are answered in 4 tokens
    And prompts in 1 groups share a prefix of 256 tokens
    And 1 users ask with a think time of 0 seconds
    When the load runs for 20 requests
    Then these objectives are met:
      | max TTFT                                 | at most 20 s     |
      | error rate                               | none             |
      | prefix cache hit rate                    | at least 84%     |
      | total "vllm:prefix_cache_queries_total"  | exactly 5,760    |
      | total "vllm:prefix_cache_hits_total"     | at least 4,864   |
      | total "vllm:prompt_tokens_cached_total"  | at least 4,864   |

  Scenario: Nothing is found in a cold cache
    Given prompts of 32 tokens are answered in 4 tokens
    And prompts in 1 groups share a prefix of 256 tokens
    And the prefix cache is cold
    And 1 users ask with a think time of 0 seconds
    When the load runs for 10 requests
    Then these objectives are met:
      | max TTFT                                | at most 20 s  |
      | error rate                              | none          |
      | prefix cache hit rate                   | none          |
      | total "vllm:prefix_cache_queries_total" | exactly 2,880 |

  Scenario: More than it can carry
    Given prompts of 2,000 tokens are answered in 8 tokens
    And requests arrive evenly at 100 per second
    When the load runs for 60 requests
    Then these objectives are met:
      | max TTFT                             | at most 90 s    |
      | error rate                           | none            |
      | total "vllm:request_success_total"   | exactly 60      |
    And the objective "p95 TTFT at most 300 ms" is missed
      | total "vllm:prompt_tokens_total"     | exactly 120,000 |
      | total "vllm:generation_tokens_total" | exactly 480     |
