package io.bianque.streams.rule;

import com.google.re2j.Pattern;
import dev.cel.runtime.CelEvaluationException;
import java.util.List;
import java.util.Set;

/** A condition, compiled: a tree whose nodes know their fields by position. Holds no state. */
sealed interface Condition {
  Answer test(Scope scope);

  /** {@code true} and {@code false} */
  record Constant(Answer answer) implements Condition {
    @Override
    public Answer test(Scope scope) {
      return answer;
    }
  }

  /** {@code &&}: one that is false decides, whatever has no answer. */
  record All(List<Condition> operands) implements Condition {
    public All {
      operands = List.copyOf(operands);
    }

    @Override
    public Answer test(Scope scope) {
      Answer answer = Answer.TRUE;
      for (int i = 0; i < operands.size(); i++) {
        Answer next = operands.get(i).test(scope);
        if (next == Answer.FALSE) {
          return next;
        }
        if (next == Answer.NONE) {
          answer = next;
        }
      }
      return answer;
    }
  }

  /** {@code ||}: one that is true decides, whatever has no answer. */
  record Any(List<Condition> operands) implements Condition {
    public Any {
      operands = List.copyOf(operands);
    }

    @Override
    public Answer test(Scope scope) {
      Answer answer = Answer.FALSE;
      for (int i = 0; i < operands.size(); i++) {
        Answer next = operands.get(i).test(scope);
        if (next == Answer.TRUE) {
          return next;
        }
        if (next == Answer.NONE) {
          answer = next;
        }
      }
      return answer;
    }
  }

  /** {@code !condition} */
  record Not(Condition operand) implements Condition {
    @Override
    public Answer test(Scope scope) {
      return operand.test(scope).not();
    }
  }

  /** {@code condition ? one : other} */
  record Choice(Condition condition, Condition one, Condition other) implements Condition {
    @Override
    public Answer test(Scope scope) {
      return switch (condition.test(scope)) {
        case TRUE -> one.test(scope);
        case FALSE -> other.test(scope);
        case NONE -> Answer.NONE;
      };
    }
  }

  /** {@code ==} */
  record Equal(Operand left, Operand right) implements Condition {
    @Override
    public Answer test(Scope scope) {
      Object a = left.value(scope);
      Object b = right.value(scope);
      return a == Answer.NONE || b == Answer.NONE ? Answer.NONE : Answer.of(same(a, b));
    }
  }

  /** {@code < <= > >=} of numbers, and of texts by their UTF-16. */
  record Compared(Relation relation, Operand left, Operand right) implements Condition {
    enum Relation {
      LESS,
      LESS_EQUAL,
      GREATER,
      GREATER_EQUAL;

      private boolean holds(int order) {
        return switch (this) {
          case LESS -> order < 0;
          case LESS_EQUAL -> order <= 0;
          case GREATER -> order > 0;
          case GREATER_EQUAL -> order >= 0;
        };
      }
    }

    @Override
    public Answer test(Scope scope) {
      Object a = left.value(scope);
      Object b = right.value(scope);
      if (a instanceof Number m && b instanceof Number n) {
        return Answer.of(relation.holds(Long.compare(m.longValue(), n.longValue())));
      }
      return a instanceof String s && b instanceof String t
          ? Answer.of(relation.holds(s.compareTo(t)))
          : Answer.NONE;
    }
  }

  /** {@code value in [constant, ...]} */
  record OneOf(Operand value, Set<Object> constants) implements Condition {
    @Override
    public Answer test(Scope scope) {
      Object found = value.value(scope);
      return switch (found) {
        case null -> Answer.FALSE;
        case Answer none -> none;
        case Integer number -> Answer.of(constants.contains(number.longValue()));
        default -> Answer.of(constants.contains(found));
      };
    }
  }

  /** {@code value in list} */
  record Contained(Operand value, Operand list) implements Condition {
    @Override
    public Answer test(Scope scope) {
      Object wanted = value.value(scope);
      if (wanted == Answer.NONE || !(list.value(scope) instanceof List<?> found)) {
        return Answer.NONE;
      }
      for (int i = 0; i < found.size(); i++) {
        if (same(wanted, found.get(i))) {
          return Answer.TRUE;
        }
      }
      return Answer.FALSE;
    }
  }

  /** {@code startsWith}, {@code endsWith}, {@code contains} */
  record TextTest(Kind kind, Operand text, Operand part) implements Condition {
    enum Kind {
      STARTS_WITH,
      ENDS_WITH,
      CONTAINS
    }

    @Override
    public Answer test(Scope scope) {
      if (!(text.value(scope) instanceof String whole)
          || !(part.value(scope) instanceof String wanted)) {
        return Answer.NONE;
      }
      return Answer.of(
          switch (kind) {
            case STARTS_WITH -> whole.startsWith(wanted);
            case ENDS_WITH -> whole.endsWith(wanted);
            case CONTAINS -> whole.contains(wanted);
          });
    }
  }

  /** {@code text.matches("constant")}: CEL looks for the pattern anywhere in the text. */
  record Matches(Operand text, Pattern pattern) implements Condition {
    @Override
    public Answer test(Scope scope) {
      return text.value(scope) instanceof String whole
          ? Answer.of(pattern.matcher(whole).find())
          : Answer.NONE;
    }
  }

  /** {@code list.exists(element, condition)} */
  record Exists(Operand list, int depth, Condition condition) implements Condition {
    @Override
    public Answer test(Scope scope) {
      if (!(list.value(scope) instanceof List<?> found)) {
        return Answer.NONE;
      }
      Answer answer = Answer.FALSE;
      for (int i = 0; i < found.size(); i++) {
        scope.set(depth, found.get(i));
        Answer next = condition.test(scope);
        if (next == Answer.TRUE) {
          return next;
        }
        if (next == Answer.NONE) {
          answer = next;
        }
      }
      return answer;
    }
  }

  /** What the compiler does not know is left to the interpreter. */
  record Interpreted(Checked condition) implements Condition {
    @Override
    public Answer test(Scope scope) {
      try {
        return condition.value(scope.view()) instanceof Boolean holds
            ? Answer.of(holds)
            : Answer.NONE;
      } catch (CelEvaluationException e) {
        return Answer.NONE;
      }
    }
  }

  private static boolean same(Object a, Object b) {
    if (a instanceof Number m && b instanceof Number n) {
      return m.longValue() == n.longValue();
    }
    return a == null ? b == null : a.equals(b);
  }
}
