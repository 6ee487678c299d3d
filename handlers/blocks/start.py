"""The form that starts a release, filled with what was typed."""

from collections.abc import Sequence
from typing import Any

from slack_sdk.models.blocks import InputBlock, Option, PlainTextInputElement, StaticSelectElement

from handlers.blocks import parts
from handlers.blocks.forms import form
from handlers.text import ids
from handlers.text.language import tr

MOST_PRODUCTS = 100
"""Slack takes 100 options in a select."""


def start(
    products: Sequence[str], product: str | None, ready: Sequence[str], typed: str = ""
) -> dict[str, Any]:
    """Product (where there are several), version, commit. `ready` are versions that have a candidate."""
    version = typed or (ready[0] if ready else "")
    listed = tr("Ready to be released: {versions}.", versions=", ".join(ready)) if ready else ""
    blocks = [
        _product(products, product) if len(products) > 1 else None,
        InputBlock(
            block_id=ids.VERSION,
            label=parts.plain(tr("Version")),
            hint=parts.plain(listed or tr("Write it as v0.2.0."), 150),
            element=PlainTextInputElement(
                action_id=ids.INPUT, initial_value=version[:40] or None, max_length=40, focus_on_load=True
            ),
        ),
        InputBlock(
            block_id=ids.COMMIT,
            label=parts.plain(tr("Commit")),
            hint=parts.plain(
                tr("Left empty: the newest candidate of the version, else the tip of main."), 150
            ),
            optional=True,
            element=PlainTextInputElement(action_id=ids.INPUT, max_length=100),
        ),
        parts.context(tr("Tests, staging and the checklist come first; production waits for an approval.")),
    ]
    hints = {"product": product or products[0]}
    return form(ids.START_FORM, tr("Start a release"), tr("Start"), tr("Cancel"), blocks, **hints)


def _product(products: Sequence[str], chosen: str | None) -> InputBlock:
    options = [Option(text=parts.plain(name), value=name) for name in products[:MOST_PRODUCTS]]
    first = next((option for option in options if option.value == chosen), None)
    select = StaticSelectElement(action_id=ids.INPUT, options=options, initial_option=first)
    return InputBlock(block_id=ids.PRODUCT, label=parts.plain(tr("Product")), element=select)
