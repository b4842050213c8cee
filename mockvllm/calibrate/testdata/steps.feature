Feature: What a step takes
  The closed loops behind one-h100.csv and one-h200.csv, and the open loop poisson. To hold a profile against a server of yours:
  VLLM_URL=http://127.0.0.1:8000 VLLMSPEC_FEATURES=mockvllm/calibrate/testdata/steps.feature go test -timeout 30m ./features
  and then: vllmspec mock score reports/out/run=…

  Background:
    Given the model "llama-3.1-8b" is being served
    And every answer runs to its full length
    And the prefix cache is cold

  Scenario: c2
    Given prompts of 256 tokens are answered in 64 tokens
    And 2 users ask with a think time of 0 seconds
    When the load runs for 10 seconds
    Then these objectives are met:
      | error rate | none |

  Scenario: c8
    Given prompts of 1,024 ± 200 tokens are answered in 128 ± 32 tokens
    And 8 users ask with a think time of 0 seconds
    When the load runs for 15 seconds
    Then these objectives are met:
      | error rate | none |

  Scenario: c32
    Given prompts of 1,024 ± 200 tokens are answered in 256 ± 64 tokens
    And 32 users ask with a think time of 0 seconds
    When the load runs for 20 seconds
    Then these objectives are met:
      | error rate | none |

  Scenario: c128
    Given prompts of 512 ± 100 tokens are answered in 256 ± 64 tokens
    And 128 users ask with a think time of 0 seconds
    When the load runs for 20 seconds
    Then these objectives are met:
      | error rate | none |

  Scenario: c8 long
    Given prompts of 6,000 ± 500 tokens are answered in 128 ± 32 tokens
    And 8 users ask with a think time of 0 seconds
    When the load runs for 20 seconds
    Then these objectives are met:
      | error rate | none |

  Scenario: c64 long
    Given prompts of 3,000 ± 500 tokens are answered in 256 ± 64 tokens
    And 64 users ask with a think time of 0 seconds
    When the load runs for 20 seconds
    Then these objectives are met:
      | error rate | none |

  Scenario: c256
    Given prompts of 256 ± 64 tokens are answered in 128 ± 32 tokens
    And 256 users ask with a think time of 0 seconds
    When the load runs for 12 seconds
    Then these objectives are met:
      | error rate | none |

  Scenario: c512
    Given prompts of 128 ± 32 tokens are answered in 128 ± 32 tokens
    And 512 users ask with a think time of 0 seconds
    When the load runs for 15 seconds
    Then these objectives are met:
      | error rate | none |

  Scenario: poisson
    Given prompts of 1,024 ± 200 tokens are answered in 128 ± 32 tokens
    And requests arrive as a Poisson process at 15 per second
    When the load runs for 20 seconds
    Then these objectives are met:
      | error rate | none |
