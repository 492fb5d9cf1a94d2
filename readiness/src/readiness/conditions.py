"""Conditions of Argo Rollouts' metrics, evaluated as far as checks require it.

The language is https://github.com/expr-lang/expr. Its operators and these functions are those of
https://github.com/argoproj/argo-rollouts/blob/v1.10.2/utils/evaluate/evaluate.go
"""

import ast
import math
import operator
import re
from collections.abc import Callable
from typing import Any

OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len,
    "isNaN": math.isnan,
    "isInf": math.isinf,
    "isNil": lambda value: value is None,
    "default": lambda value, otherwise: otherwise if value is None else value,
    "asFloat": float,
    "asInt": int,
}


class UnknownConditionError(Exception):
    """A condition uses something that this module does not know."""


def is_successful(metric: dict[str, Any], result: object) -> bool:
    """Return whether a metric's measurement with this result is successful; a condition that fails is an error."""
    success, failure = metric.get("successCondition"), metric.get("failureCondition")
    try:
        return (not success or holds(success, result)) and (not failure or not holds(failure, result))
    except (LookupError, TypeError, ValueError, ArithmeticError):
        return False


def holds(condition: str, result: object) -> bool:
    """Return whether a condition is true of a result."""
    text = re.sub(r"!(?!=)", " not ", condition.replace("&&", " and ").replace("||", " or "))
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise UnknownConditionError(condition) from error
    value = evaluate(tree.body, {"result": result, "true": True, "false": False, "nil": None})
    if not isinstance(value, bool):
        raise TypeError(condition)
    return value


def evaluate(node: ast.expr, names: dict[str, Any]) -> Any:
    """Return the value of a node of a condition."""
    match node:
        case ast.Constant():
            return node.value
        case ast.Name() if node.id in names:
            return names[node.id]
        case ast.BoolOp(op=ast.And()):
            return all(evaluate(value, names) for value in node.values)
        case ast.BoolOp():
            return any(evaluate(value, names) for value in node.values)
        case ast.UnaryOp(op=ast.Not()):
            return not evaluate(node.operand, names)
        case ast.UnaryOp(op=ast.USub()):
            return -evaluate(node.operand, names)
        case ast.BinOp() if type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)](evaluate(node.left, names), evaluate(node.right, names))
        case ast.Compare(ops=[compare], comparators=[right]) if type(compare) in OPERATORS:
            return OPERATORS[type(compare)](evaluate(node.left, names), evaluate(right, names))
        case ast.Subscript():
            return evaluate(node.value, names)[evaluate(node.slice, names)]
        case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
            return FUNCTIONS[name](*(evaluate(argument, names) for argument in node.args))
    raise UnknownConditionError(ast.unparse(node))
