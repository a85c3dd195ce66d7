"""Score a run's checkpoint: python -m dqn_experiments.evaluate run=<run directory>."""

from omegaconf import DictConfig

from dqn_experiments.command import run_command


def main() -> None:
    """Entry point of `python -m dqn_experiments.evaluate`."""
    run_command("evaluate", _evaluate)


def _evaluate(composed: DictConfig) -> None:
    # torch takes seconds to import, and --help needs none of it
    from dqn_experiments import checkpoint
    from dqn_experiments.components import build
    from dqn_experiments.config import EvaluateConfig, options
    from dqn_experiments.run_dir import load_agent, stored_config
    from dqn_experiments.scoring import evaluate

    chosen = options(EvaluateConfig, composed)
    config = stored_config(chosen.run)
    protocol = chosen.model_dump(include={"episodes", "epsilon", "num_envs"}, exclude_none=True)
    config.evaluation.update(protocol)
    found = checkpoint.find(chosen.run, chosen.checkpoint)
    agent = load_agent(config, found, chosen.device)
    evaluation = evaluate(config, agent, found.step, chosen.seed)
    print(f"{evaluation.game}, {found.step:,} steps, {evaluation.episodes} episodes", end=" ")
    print(f"at epsilon {evaluation.epsilon}: {evaluation.score}", flush=True)
    evaluation.write(chosen.run)
    if chosen.track:
        tracker = build(config.tracker, chosen.run, {}, chosen.run.name, None)
        tracker.summarise(evaluation.metrics())
        tracker.close(0)


if __name__ == "__main__":
    main()
