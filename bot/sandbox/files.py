"""External uploads: files.getUploadURLExternal, the upload itself, files.completeUploadExternal."""

import mimetypes
import secrets
from typing import Any

from bot.sandbox.args import Args
from bot.sandbox.chat import thread_root, writable
from bot.sandbox.errors import SlackError
from bot.sandbox.people import BOT_USER
from bot.sandbox.workspace import Message, StoredFile, Workspace

Json = dict[str, Any]
MOST_BYTES = 20 * 1024 * 1024
# Shown in the page; everything else is offered for download only, whatever it claims to be.
IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def get_upload_url(workspace: Workspace, args: Args, base_url: str) -> Json:
    """files.getUploadURLExternal: a place for `length` bytes (at most 20 MiB here)."""
    name = args.text("filename")
    args.number("length", 0, 1, MOST_BYTES)
    stored = StoredFile(f"F{secrets.token_hex(5).upper()}", name, alt_text=args.optional("alt_txt") or "")
    stored.mimetype = mimetypes.guess_type(name)[0] or stored.mimetype
    workspace.files[stored.id] = stored
    return {"upload_url": f"{base_url}/upload/{stored.id}", "file_id": stored.id}


def complete_upload(workspace: Workspace, args: Args, base_url: str) -> Json:
    """files.completeUploadExternal: share uploaded files in a channel, or keep them unshared."""
    stored = _uploaded(workspace, args.json("files"))
    for file, title in stored:
        file.title, file.shared = title, True
    shown = [file_json(file, base_url) for file, _ in stored]
    name = args.optional("channel_id")
    if name:
        _share(workspace, name, shown, args)
    return {"files": shown}


def _share(workspace: Workspace, name: str, files: list[Json], args: Args) -> None:
    channel = writable(workspace, name)
    thread_ts = args.optional("thread_ts")
    root = thread_root(workspace, channel.id, thread_ts) if thread_ts else None
    text = args.optional("initial_comment") or ""
    message = Message(workspace.timestamp(), channel.id, BOT_USER, text, thread_ts=root, files=files)
    workspace.post(message)


def _uploaded(workspace: Workspace, wanted: object) -> list[tuple[StoredFile, str]]:
    if not isinstance(wanted, list) or not wanted:
        raise SlackError("invalid_arguments", ["[ERROR] missing required field: files"])
    found = []
    for item in wanted:
        stored = workspace.files.get(str(item.get("id"))) if isinstance(item, dict) else None
        if stored is None or stored.content is None:
            raise SlackError("file_not_found")
        found.append((stored, str(item.get("title") or stored.name)))
    return found


def file_json(file: StoredFile, base_url: str) -> Json:
    """A file as messages show it."""
    url = f"{base_url}/files/{file.id}"
    return {
        "id": file.id,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "size": len(file.content or b""),
        "user": BOT_USER,
        "alt_txt": file.alt_text,
        "url_private": url,
        "url_private_download": url,
        "permalink": url,
    }
