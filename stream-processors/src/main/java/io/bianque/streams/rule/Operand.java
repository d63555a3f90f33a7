package io.bianque.streams.rule;

import java.util.List;
import org.apache.avro.generic.IndexedRecord;

/**
 * A compiled part of a condition that has a value: a {@link Number} with a {@code long} in it, a
 * {@link String}, {@link List} or {@link IndexedRecord}; an {@link Answer} for a condition's; null
 * for CEL's null; and {@link Answer#NONE} where it has none. Numbers stay the boxes that the event
 * holds, so nothing is allocated for a field that is only compared.
 */
sealed interface Operand {
  Object value(Scope scope);

  /** A value that the condition's text gives. */
  record Constant(Object constant) implements Operand {
    @Override
    public Object value(Scope scope) {
      return constant;
    }
  }

  /** A field of the event. */
  record Field(int position, Object absent) implements Operand {
    @Override
    public Object value(Scope scope) {
      return plain(scope.field(position), absent);
    }
  }

  /** A field of a record that is a value itself. */
  record Nested(Operand record, int position, Object absent) implements Operand {
    @Override
    public Object value(Scope scope) {
      return record.value(scope) instanceof IndexedRecord found
          ? plain(found.get(position), absent)
          : Answer.NONE;
    }
  }

  /** An element that {@code exists} or {@code all} looks at. */
  record Variable(int depth) implements Operand {
    @Override
    public Object value(Scope scope) {
      return scope.variable(depth);
    }
  }

  /** {@code list[index]} */
  record Element(Operand list, Operand index) implements Operand {
    @Override
    public Object value(Scope scope) {
      return list.value(scope) instanceof List<?> found
              && index.value(scope) instanceof Number at
              && at.longValue() >= 0
              && at.longValue() < found.size()
          ? found.get(at.intValue())
          : Answer.NONE;
    }
  }

  /** {@code size(list)}, and {@code size(text)} in code points. */
  record Size(Operand of) implements Operand {
    @Override
    public Object value(Scope scope) {
      return switch (of.value(scope)) {
        case List<?> list -> (long) list.size();
        case String text -> (long) text.codePointCount(0, text.length());
        case null, default -> Answer.NONE;
      };
    }
  }

  /** {@code + - * / %} of 64-bit numbers; what overflows has no value. */
  record Arithmetic(Operator operator, Operand left, Operand right) implements Operand {
    enum Operator {
      ADD,
      SUBTRACT,
      MULTIPLY,
      DIVIDE,
      MODULO
    }

    @Override
    public Object value(Scope scope) {
      if (!(left.value(scope) instanceof Number a) || !(right.value(scope) instanceof Number b)) {
        return Answer.NONE;
      }
      try {
        return compute(a.longValue(), b.longValue());
      } catch (ArithmeticException e) {
        return Answer.NONE;
      }
    }

    private long compute(long a, long b) {
      return switch (operator) {
        case ADD -> Math.addExact(a, b);
        case SUBTRACT -> Math.subtractExact(a, b);
        case MULTIPLY -> Math.multiplyExact(a, b);
        case DIVIDE -> Math.divideExact(a, b);
        case MODULO -> a % b;
      };
    }
  }

  /** {@code -number} */
  record Negated(Operand operand) implements Operand {
    @Override
    public Object value(Scope scope) {
      return operand.value(scope) instanceof Number number && number.longValue() != Long.MIN_VALUE
          ? (Object) (-number.longValue())
          : Answer.NONE;
    }
  }

  /** {@code condition ? one : other} */
  record Choice(Condition condition, Operand one, Operand other) implements Operand {
    @Override
    public Object value(Scope scope) {
      return switch (condition.test(scope)) {
        case TRUE -> one.value(scope);
        case FALSE -> other.value(scope);
        case NONE -> Answer.NONE;
      };
    }
  }

  /** A condition whose answer is compared. */
  record Truth(Condition condition) implements Operand {
    @Override
    public Object value(Scope scope) {
      return condition.test(scope);
    }
  }

  private static Object plain(Object value, Object absent) {
    return switch (value) {
      case null -> absent;
      case String text -> text;
      case CharSequence text -> text.toString();
      default -> value;
    };
  }
}
