"""Test: the playbook's commands, side by side."""

from pipeline.context import Context, Failed, Outcome, Passed
from pipeline.stages.common import command_facts
from pipeline.stages.running import run_check
from pipeline.together import together


async def run(ctx: Context) -> Outcome:
    """Run all of them, also when one fails: a developer wants to see everything that is red."""
    checks = ctx.playbook.tests
    results = await together(*(run_check(ctx, f"test-{name}", check) for name, check in checks.items()))
    failed = [command_facts(result) for result in results if not result.ok]
    if failed:
        return Failed("tests_failed", {"failed": failed})
    took = {name: round(result.seconds, 1) for name, result in zip(checks, results, strict=True)}
    return Passed("tests_passed", {"took": took})
