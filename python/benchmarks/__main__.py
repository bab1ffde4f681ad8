"""Command line of the benchmarks."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import config, driver, report
from .paths import OUTPUT


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run configurations; writes a table, its lines and a chart of each")
    run.add_argument("configs", nargs="+", metavar="CONFIG", help="a TOML file or the name of one here; * matches")
    run.add_argument("--output", type=Path, default=OUTPUT / "results", help="folder of the reports (%(default)s)")
    run.add_argument("--threads", type=_numbers, default=[], metavar="N,..", help="instead of the configuration's")
    run.add_argument("--adapters", type=_names, default=[], metavar="NAME,..", help="only these; * matches any text")
    run.add_argument("--repetitions", type=int, help="instead of the configuration's")
    run.add_argument("--quick", action="store_true", help="tiny sizes, two repetitions: whether it runs, no figures")
    summary = commands.add_parser("summary", help="one table of the bars of configurations that have run")
    summary.add_argument("configs", nargs="+", metavar="CONFIG", help="as for run")
    summary.add_argument("--results", type=Path, default=OUTPUT / "results", help="folder of the reports (%(default)s)")
    commands.add_parser("list", help="name the configurations that ship here")
    options = parser.parse_args(arguments)
    if options.command == "list":
        for path in sorted(config.CONFIGS.glob("*.toml")):
            print(f"{path.stem:<20} {config.load(path).title}")
        return 0
    try:
        if options.command == "summary":
            return _summarise([config.load(path) for path in config.find_all(options.configs)], options.results)
        loaded = [
            config.load(path, quick=options.quick, threads=options.threads, adapters=options.adapters)
            for path in config.find_all(options.configs)
        ]
    except config.ConfigError as error:
        parser.error(str(error))
    return max(_run(item, options) for item in loaded)


def _summarise(configs: list[config.Config], folder: Path) -> int:
    """Prints the table; 1 where a configuration has not run."""
    missing = [item.name for item in configs if not (folder / f"{item.name}.jsonl").exists()]
    if missing:
        print(f"{folder} has no results of {', '.join(missing)}: run them first", file=sys.stderr)
        return 1
    print(report.summary([(item, *report.read(folder / f"{item.name}.jsonl")) for item in configs]), end="")
    return 0


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _names(text: str) -> list[str]:
    return text.split(",")


def _run(item: config.Config, options: argparse.Namespace) -> int:
    """Runs one configuration; 1 where a worker died or nothing has a figure."""
    if options.repetitions:
        item = config.replace(item, repetitions=options.repetitions)
    records, status = driver.run(item)
    written = report.write(item, driver.machine(), records, options.output)
    print(report.markdown(item, driver.machine(), records))
    print("wrote", *written, file=sys.stderr)
    return status if report.timed(records) else 1


if __name__ == "__main__":
    sys.exit(main())
