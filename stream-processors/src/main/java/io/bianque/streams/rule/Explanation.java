package io.bianque.streams.rule;

import com.google.protobuf.NullValue;
import dev.cel.common.CelAbstractSyntaxTree;
import dev.cel.common.CelValidationException;
import dev.cel.common.ast.CelExpr;
import dev.cel.common.ast.CelExpr.ExprKind;
import dev.cel.parser.CelUnparser;
import dev.cel.parser.CelUnparserFactory;
import dev.cel.parser.Operator;
import dev.cel.runtime.CelEvaluationException;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.generic.IndexedRecord;

/**
 * What a condition and each part of it says of an event: each by itself, by CEL's own interpreter,
 * also those that did not matter because another one decided.
 *
 * @param text in CEL
 * @param value as CEL writes it, or {@link #NO_ANSWER}
 * @param parts what it is made of, without constants
 */
public record Explanation(String text, String value, List<Explanation> parts) {
  static final String NO_ANSWER = "no answer";

  public Explanation {
    parts = List.copyOf(parts);
  }

  static Explanation of(Checked condition, IndexedRecord event) {
    return new Reader(condition.ast(), event).explain(condition.ast().getExpr());
  }

  /** On one line, the whole first. */
  String inWords() {
    List<String> words = new ArrayList<>();
    collect(words);
    return String.join("; ", words.stream().distinct().toList());
  }

  String sentence() {
    return text + (value.equals(NO_ANSWER) ? " has " : " is ") + value;
  }

  private void collect(List<String> words) {
    words.add(sentence());
    parts.forEach(part -> part.collect(words));
  }

  private record Reader(CelAbstractSyntaxTree ast, IndexedRecord event) {
    private static final CelUnparser UNPARSER = CelUnparserFactory.newUnparser();

    Explanation explain(CelExpr expr) {
      CelAbstractSyntaxTree part =
          CelAbstractSyntaxTree.newCheckedAst(
              expr, ast.getSource(), ast.getReferenceMap(), ast.getTypeMap());
      List<Explanation> parts =
          operands(expr).stream()
              .filter(operand ->
                  operand.getKind() == ExprKind.Kind.CALL
                      || operand.getKind() == ExprKind.Kind.SELECT
                      || operand.getKind() == ExprKind.Kind.COMPREHENSION)
              .map(this::explain)
              .toList();
      return new Explanation(UNPARSER.unparse(part), value(part), parts);
    }

    private static List<CelExpr> operands(CelExpr expr) {
      return switch (expr.getKind()) {
        case CALL -> {
          List<CelExpr> operands = new ArrayList<>();
          expr.call().target().ifPresent(operands::add);
          for (CelExpr operand : expr.call().args()) {
            operands.addAll(isSameChain(expr, operand) ? operands(operand) : List.of(operand));
          }
          yield operands;
        }
        // What is in its condition is another thing for each element.
        case COMPREHENSION -> List.of(expr.comprehension().iterRange());
        default -> List.of();
      };
    }

    /**
     * {@code a && b && c} is one condition of three, though CEL reads it as two within each other.
     */
    private static boolean isSameChain(CelExpr expr, CelExpr operand) {
      String function = expr.call().function();
      return operand.getKind() == ExprKind.Kind.CALL
          && operand.call().function().equals(function)
          && (function.equals(Operator.LOGICAL_AND.getFunction())
              || function.equals(Operator.LOGICAL_OR.getFunction()));
    }

    private String value(CelAbstractSyntaxTree part) {
      try {
        return written(Checked.of(part).value(new EventView(event)));
      } catch (CelEvaluationException e) {
        return NO_ANSWER;
      } catch (CelValidationException e) {
        throw new IllegalStateException("a part of a checked condition is not right", e);
      }
    }

    private static String written(Object value) {
      return switch (value) {
        case NullValue _ -> "null";
        case String text -> '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
        case List<?> list ->
            "[" + String.join(", ", list.stream().map(Reader::written).toList()) + "]";
        case EventView _ -> "{...}";
        default -> value.toString();
      };
    }
  }
}
