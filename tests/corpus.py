"""Nasty texts: what runs, logs, files and hosts of somebody else could hold, and no terminal may ever obey.

Rule: each is shown as text, in its place, or not at all.
"""

NASTY: tuple[str, ...] = (
    "\x1b[31mred\x1b[0m",
    "\x1b[2J\x1b[H",  # clears the screen
    "\x1b[6n\x1b[c\x1b[>0q",  # asks the terminal, which types the answer
    "\x1b[?1049l\x1b[?25l\x1b[?1000h",  # leaves the screen, hides the cursor, turns the mouse on
    "\x1b]0;title\x07",
    "\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;ZXZpbA==\x07",  # writes the clipboard
    "\x1b]9;news\x1b\\\x1b]777;notify;a;b\x07",
    "\x1bP+q544e\x1b\\\x1b_Gi=1;AAAA\x1b\\\x1b^private\x1b\\",
    "\x1bc\x1b#8\x1b(0",  # reset, fill with E, line drawing
    "\x9b31mC1\x9b0m\x9d0;title\x9c\x90q\x9c",
    "\x1b[@click=app.quit]x",
    "[@click=app.quit]click[/]",
    "[@click='app.copy(\"x\")']click[/]",
    "[link=http://example.org]link[/link]",
    "[bold red on white]loud[/]",
    "[red]", "[/]", "[[", "]", "\\[", "[#ff0000]",
    "$primary {color: red}",
    "a\rb\nc\td\x0be\x0cf\x08g\x7f",
    "nul\x00in the middle",
    "\u202eright to left\u202c",
    "\u2066isolate\u2069\u200e\u200f\u061c",
    "zero\u200bwidth\u200d\u2060\ufeff",
    "\u2028line\u2029paragraph\x85next",
    "e\u0301a\u0308\u20dd",
    "z\u0351\u0352\u0353\u0354\u0355\u0356\u0357\u0358",
    "\u5b57\u5e45 \uff37\uff29\uff24\uff25 \U0001f600",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u05e2\u05d1\u05e8\u05d9\u05ea",
    "\ue000private\U000f0000",
    "\U000e0041\U000e0042tags",
    "\xa0\u3000\u2003spaces\u1680",
    "%s %d {0} {x!r} ${HOME} `id` $(id)",
    "../../etc/passwd",
    "x" * 10_000,
    "\u5b57" * 5_000,
    "\x1b[31m" * 2_000,
)  # fmt: skip

SEQUENCES: tuple[bytes, ...] = tuple(
    text.encode() for text in NASTY if "\x1b" in text or "\x9b" in text or "\x00" in text
)
"""Those whose bytes must not reach a terminal as they stand."""
