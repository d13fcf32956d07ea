#!/usr/bin/env python3
"""Joins a lobby of one lobbyd with a lobby of another: what people say in one is said in the other.

    bridge.py HOST:PORT:BOT:TOKEN[:LOBBY] HOST:PORT:BOT:TOKEN[:LOBBY] [--bots]

--bots hands on what other bots and hooks say too. Two bridges that do so between the same lobbies
answer each other for ever; lobbyd mutes them after twenty messages without one of a person.
"""
import json
import socket
import sys
import threading
import time


class End:
    """One side: a bot in a lobby, which comes back when its connection breaks off."""

    def __init__(self, where):
        self.host, self.port, self.bot, self.token, *lobby = where.split(":")
        self.lobby = lobby[0] if lobby else "general"
        self.other, self.wire, self.lock = None, None, threading.Lock()

    def send(self, line):
        with self.lock:
            if self.wire:
                self.wire.sendall(line.encode() + b"\n")

    def say(self, text):
        # Always text, whatever it begins with; line ends become rows.
        self.send(json.dumps({"say": text}))

    def events(self):
        self.wire = socket.create_connection((self.host, int(self.port)))
        self.send(f"bot {self.bot} {self.token} json")
        if self.lobby != "general":
            self.send(f"/join {self.lobby}")
        for line in self.wire.makefile(encoding="utf-8", errors="replace"):
            # What comes before the first object is for people.
            if line.startswith("{"):
                yield json.loads(line)

    def run(self):
        while True:
            try:
                for event in self.events():
                    self.take(event)
            except (OSError, ValueError) as why:
                print(f"{self.host}: {why}", file=sys.stderr)
            time.sleep(5)

    def take(self, event):
        kind, own = event["event"], event.get("from") == self.bot and event.get("bot")
        if kind == "error":
            print(f"{self.host}: {event['text']}", file=sys.stderr)
        if kind not in ("message", "action") or own or (event.get("bot") and not ALL):
            return
        star = "* " if kind == "action" else ""
        self.other.say(f"{star}<{event['from']}> {event['text']}")


ALL = "--bots" in sys.argv
one, two = map(End, [arg for arg in sys.argv[1:] if arg != "--bots"])
one.other, two.other = two, one
threading.Thread(target=one.run, daemon=True).start()
two.run()
