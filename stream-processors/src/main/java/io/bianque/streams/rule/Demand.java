package io.bianque.streams.rule;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** What a condition cannot do without: where it is not met, the condition is false. */
sealed interface Demand {
  /** Of the field that it is about. */
  int position();

  /** The field is one of these texts or numbers. */
  record Value(int position, Set<Object> constants) implements Demand {}

  /**
   * An element of the list starts with one of these.
   *
   * @param least elements that the list must have, that the demand can say anything
   */
  record Prefix(int position, Set<String> prefixes, int least) implements Demand {}

  /** This is an element of the list. */
  record Member(int position, String constant) implements Demand {}

  /** The demand that is met least often, as far as its kind tells. */
  static Optional<Demand> of(Condition condition) {
    List<Demand> found = new ArrayList<>();
    collect(condition, found);
    return found.stream().min(Comparator.comparingInt(Demand::rank));
  }

  private static int rank(Demand demand) {
    return switch (demand) {
      case Value _ -> 0;
      case Prefix _ -> 1;
      case Member _ -> 2;
    };
  }

  private static void collect(Condition condition, List<Demand> found) {
    switch (condition) {
      case Condition.All all -> all.operands().forEach(operand -> collect(operand, found));
      case Condition.Equal(Operand.Field field, Operand.Constant(Object constant))
          when constant instanceof String || constant instanceof Long ->
          found.add(new Value(field.position(), Set.of(constant)));
      case Condition.Equal(Operand.Constant(Object constant), Operand.Field field)
          when constant instanceof String || constant instanceof Long ->
          found.add(new Value(field.position(), Set.of(constant)));
      case Condition.OneOf(Operand.Field field, Set<Object> constants) ->
          found.add(new Value(field.position(), constants));
      case Condition.Contained(Operand.Constant(String constant), Operand.Field list) ->
          found.add(new Member(list.position(), constant));
      case Condition.TextTest(
              Condition.TextTest.Kind kind,
              Operand.Element(Operand.Field list, Operand.Constant(Long index)),
              Operand.Constant(String prefix))
          when kind == Condition.TextTest.Kind.STARTS_WITH && index >= 0 && index < 1000 ->
          found.add(new Prefix(list.position(), Set.of(prefix), index.intValue() + 1));
      case Condition.Exists(Operand.Field list, int depth, Condition element) -> {
        Set<String> prefixes = new TreeSet<>();
        if (arePrefixes(element, depth, prefixes)) {
          found.add(new Prefix(list.position(), prefixes, 0));
        }
      }
      default -> {}
    }
  }

  private static boolean arePrefixes(Condition element, int depth, Set<String> prefixes) {
    return switch (element) {
      case Condition.Any any ->
          any.operands().stream().allMatch(operand -> arePrefixes(operand, depth, prefixes));
      case Condition.TextTest(
              Condition.TextTest.Kind kind,
              Operand.Variable(int variable),
              Operand.Constant(String prefix))
          when kind == Condition.TextTest.Kind.STARTS_WITH && variable == depth -> {
        prefixes.add(prefix);
        yield true;
      }
      default -> false;
    };
  }
}
