"""Score a run's checkpoint: python -m dqn_experiments.evaluate run=<run directory>."""

from omegaconf import DictConfig

from dqn_experiments.command import run_command


def main() -> None:
    """Entry point of `python -m dqn_experiments.evaluate`."""
    run_command("evaluate", _evaluate)


def _evaluate(composed: DictConfig) -> None:
    # torch takes seconds to import, and --help needs none of it
    from omegaconf import OmegaConf

    from dqn_experiments import checkpoint
    from dqn_experiments.components import build
    from dqn_experiments.config import EvaluateConfig, options
    from dqn_experiments.run_dir import load_agent, stored_config
    from dqn_experiments.scoring import evaluate

    chosen = options(EvaluateConfig, composed)
    protocol = chosen.model_dump(include={"episodes", "epsilon", "num_envs"}, exclude_none=True)
    changes = {f"evaluation.{key}": value for key, value in protocol.items()}
    config = stored_config(chosen.run, device=chosen.device, **changes)
    found = checkpoint.find(chosen.run, chosen.checkpoint)
    evaluation = evaluate(config, load_agent(config, found), found.step, chosen.seed)
    evaluation.write(chosen.run)
    print(f"{evaluation.game}, {found.step:,} steps, {evaluation.episodes} episodes", end=" ")
    print(f"at epsilon {evaluation.epsilon}: {evaluation.score}")
    tracker = build(
        config.tracker, chosen.run, OmegaConf.to_container(config), chosen.run.name, None
    )
    tracker.summarise(evaluation.metrics())
    tracker.close(0)


if __name__ == "__main__":
    main()
