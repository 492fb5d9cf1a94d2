"""GitHub's expressions, as far as the workflows use them: contexts, operators, status functions, contains and join.

What is not known raises ValueError, so that a workflow which uses more cannot pass unnoticed.
"""

import re
from collections.abc import Callable, Mapping

Contexts = Mapping[str, object]

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+)|(?P<name>[A-Za-z_][\w-]*)|(?P<sign>&&|\|\||==|!=|[!().,*]))"
)
LITERALS = {"true": True, "false": False, "null": None}


def truthy(value: object) -> bool:
    """Tell whether GitHub takes a value for true."""
    return value not in (None, False, 0, "")


def text(value: object) -> str:
    """Return a value as it is put into a text."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def equal(left: object, right: object) -> bool:
    """Compare as GitHub does: texts without regard to case, a missing value like an empty text."""
    return text(left).lower() == text(right).lower()


def interpolate(value: object, contexts: Contexts, status: str = "success") -> str:
    """Return a workflow's text with each `${{ … }}` evaluated."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: text(evaluate(found[1], contexts, status)), text(value), flags=re.S)


def condition(value: object, contexts: Contexts, status: str) -> bool:
    """Tell whether a job or step with this `if` runs; without a status function in it, only after success."""
    expression = text(value if value is not None else "success()").strip()
    expression = re.sub(r"^\$\{\{(.*)\}\}$", r"\1", expression, flags=re.S)
    if not re.search(r"\b(success|failure|cancelled|always)\(\)", expression):
        expression = f"success() && ({expression})"
    return truthy(evaluate(expression, contexts, status))


def evaluate(expression: str, contexts: Contexts, status: str = "success") -> object:
    """Return the value of one expression; status is what the job's steps, or its dependencies, have returned so far."""
    parser = _Parser(expression, contexts, status)
    value = parser.either()
    if parser.rest():
        raise ValueError(f"cannot read {parser.rest()!r} in {expression!r}")
    return value


class _Parser:
    def __init__(self, expression: str, contexts: Contexts, status: str) -> None:
        self.expression = expression
        self.at = 0
        self.contexts = contexts
        self.functions: dict[str, Callable[..., object]] = {
            "success": lambda: status == "success",
            "failure": lambda: status == "failure",
            "cancelled": lambda: status == "cancelled",
            "always": lambda: True,
            "contains": lambda where, what: any(equal(item, what) for item in where),
            "join": lambda items, between=",": between.join(text(item) for item in items),
        }

    def rest(self) -> str:
        return self.expression[self.at :].strip()

    def take(self, *signs: str) -> str:
        found = TOKEN.match(self.expression, self.at)
        if found and found["sign"] in signs:
            self.at = found.end()
            return found["sign"]
        return ""

    def either(self) -> object:
        value = self.both()
        while self.take("||"):
            other = self.both()
            value = value if truthy(value) else other
        return value

    def both(self) -> object:
        value = self.comparison()
        while self.take("&&"):
            other = self.comparison()
            value = other if truthy(value) else value
        return value

    def comparison(self) -> object:
        value = self.operand()
        while sign := self.take("==", "!="):
            value = equal(value, self.operand()) is (sign == "==")
        return value

    def operand(self) -> object:
        if self.take("!"):
            return not truthy(self.operand())
        if self.take("("):
            value = self.either()
            self.expect(")")
            return value
        found = TOKEN.match(self.expression, self.at)
        if not found or found["sign"]:
            raise ValueError(f"cannot read {self.rest()!r} in {self.expression!r}")
        self.at = found.end()
        if found["text"]:
            return found["text"][1:-1].replace("''", "'")
        if found["number"]:
            return int(found["number"])
        if self.take("("):
            return self.call(found["name"])
        if found["name"] in LITERALS:
            return LITERALS[found["name"]]
        return self.property(found["name"])

    def expect(self, sign: str) -> None:
        if not self.take(sign):
            raise ValueError(f"expects {sign} before {self.rest()!r} in {self.expression!r}")

    def call(self, name: str) -> object:
        if name not in self.functions:
            raise ValueError(f"the function {name} is not known")
        arguments = []
        while not self.take(")"):
            arguments.append(self.either())
            self.take(",")
        return self.functions[name](*arguments)

    def property(self, name: str) -> object:
        if name not in self.contexts:
            raise ValueError(f"the context {name} is not given")
        value = self.contexts[name]
        many = False
        while self.take("."):
            if self.take("*"):
                value, many = list(value.values()), True
                continue
            found = TOKEN.match(self.expression, self.at)
            self.at = found.end()
            values = [
                item.get(found["name"]) if isinstance(item, Mapping) else None for item in (value if many else [value])
            ]
            value = values if many else values[0]
        return value
