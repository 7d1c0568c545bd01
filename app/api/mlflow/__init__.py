"""The contract of the scoring servers of MLflow and SageMaker: /ping and /invocations."""
