package io.bianque.streams.rule;

import io.bianque.schemas.derive.EnrichedSchema;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/**
 * Makes well-typed conditions over a schema, and events of it: small, odd, and often without an
 * answer.
 */
final class RandomCondition {
  private static final List<String> TEXTS =
      List.of(
          "",
          "a",
          "tcp_fin+0x8",
          "tcp_",
          "neigh_invalidate+0x5",
          "+",
          "10.0.0.1",
          "CLOSE_WAIT",
          "ÄÖ",
          "漢字",
          "\uD83D\uDC27 fd",
          "\uD83D\uDC27",
          "\uFFFD",
          "'\"\\");
  private static final List<Long> NUMBERS =
      List.of(
          0L,
          1L,
          -1L,
          2L,
          80L,
          65_535L,
          Integer.MAX_VALUE + 1L,
          Long.MAX_VALUE,
          Long.MIN_VALUE,
          Long.MAX_VALUE - 1);
  private static final List<String> PATTERNS =
      List.of("^tcp", "fin", "^$", "[0-9]+$", ".", "^CLOSE_WAIT$", "字");

  private final Random random;
  private final List<String> numbers = new ArrayList<>();
  private final List<String> texts = new ArrayList<>();
  private final List<String> numberLists = new ArrayList<>();
  private final List<String> textLists = new ArrayList<>();
  private final List<String> records = new ArrayList<>();
  private final List<String> nullable = new ArrayList<>();
  private int variables;

  RandomCondition(Random random, Schema event) {
    this.random = random;
    collect("event", event);
  }

  private void collect(String path, Schema record) {
    for (Schema.Field field : record.getFields()) {
      if (EnrichedSchema.OF_RULES.contains(field.name())) {
        continue;
      }
      String name = path + "." + field.name();
      Schema type = EventType.notNull(field.schema());
      switch (type.getType()) {
        case INT, LONG -> numbers.add(name);
        case STRING -> texts.add(name);
        case ARRAY -> (isText(type.getElementType()) ? textLists : numberLists).add(name);
        case RECORD -> {
          records.add(name);
          collect(name, type);
        }
        default -> {}
      }
      if (field.schema().isNullable() && type.getType() != Schema.Type.ARRAY) {
        nullable.add(name);
      }
    }
  }

  private static boolean isText(Schema schema) {
    return EventType.notNull(schema).getType() == Schema.Type.STRING;
  }

  // --- conditions

  String condition(int depth) {
    return depth == 0 ? comparison() : combined(depth);
  }

  /** Of the kinds that there is an index for. */
  String demand() {
    return switch (random.nextInt(6)) {
      case 0 -> one(texts) + " == " + literal(one(TEXTS));
      case 1 -> literal(one(NUMBERS)) + " == " + one(numbers);
      case 2 -> one(texts) + " in " + texts();
      case 3 -> literal(one(TEXTS)) + " in " + one(textLists);
      case 4 ->
          "%s[%d].startsWith(%s)".formatted(one(textLists), random.nextInt(4), literal(one(TEXTS)));
      default ->
          "%s.exists(f, f.startsWith(%s) || f.startsWith(%s))"
              .formatted(one(textLists), literal(one(TEXTS)), literal(one(TEXTS)));
    };
  }

  private String combined(int depth) {
    return switch (random.nextInt(8)) {
      case 0, 1 -> chain(" && ", depth);
      case 2, 3 -> chain(" || ", depth);
      case 4 -> "!(" + condition(depth - 1) + ")";
      case 5 ->
          "(%s ? %s : %s)"
              .formatted(condition(depth - 1), condition(depth - 1), condition(depth - 1));
      case 6 ->
          "(%s) %s (%s)".formatted(condition(depth - 1), one("==", "!="), condition(depth - 1));
      default -> loop(depth);
    };
  }

  private String comparison() {
    return switch (random.nextInt(11)) {
      case 0 -> one("true", "false");
      case 1, 2 -> "%s %s %s".formatted(number(1), relation(), number(1));
      case 3, 4 -> "%s %s %s".formatted(text(1), relation(), text(1));
      case 5 -> nullable.isEmpty() ? "true" : one(nullable) + one(" == null", " != null");
      case 6 -> "%s in %s".formatted(number(1), random.nextBoolean() ? numbers() : numberList());
      case 7 -> "%s in %s".formatted(text(1), random.nextBoolean() ? texts() : textList());
      case 8 -> "%s.matches(%s)".formatted(text(1), literal(one(PATTERNS)));
      default -> "%s.%s(%s)".formatted(text(1), one("startsWith", "endsWith", "contains"), text(0));
    };
  }

  private String chain(String operator, int depth) {
    List<String> operands = new ArrayList<>();
    for (int i = 0; i < 2 + random.nextInt(3); i++) {
      operands.add("(" + condition(depth - 1) + ")");
    }
    return String.join(operator, operands);
  }

  private String loop(int depth) {
    boolean ofNumbers = !numberLists.isEmpty() && random.nextBoolean();
    List<String> elements = ofNumbers ? numbers : texts;
    String variable = "x" + variables++;
    String list = ofNumbers ? numberList() : textList();
    // Often, since it is one among many.
    elements.addAll(List.of(variable, variable, variable, variable, variable, variable));
    String condition = condition(Math.min(1, depth - 1));
    elements.removeIf(variable::equals);
    return "%s.%s(%s, %s)".formatted(list, one("exists", "all"), variable, condition);
  }

  private String number(int depth) {
    return switch (depth == 0 ? 7 : random.nextInt(10)) {
      case 0 -> "(%s %s %s)".formatted(number(0), one("+", "-", "*", "/", "%"), number(0));
      case 1 -> "size(" + (random.nextBoolean() ? textList() : text(0)) + ")";
      case 2 -> "-(" + number(0) + ")";
      case 3 -> "(%s ? %s : %s)".formatted(comparison(), number(0), number(0));
      case 4 -> numberLists.isEmpty() ? number(0) : one(numberLists) + "[" + number(0) + "]";
      default -> random.nextInt(3) == 0 ? literal(one(NUMBERS)) : one(numbers);
    };
  }

  private String text(int depth) {
    return switch (depth == 0 ? 7 : random.nextInt(10)) {
      case 0, 1 -> textList() + "[" + random.nextInt(4) + "]";
      case 2 -> textList() + "[" + number(0) + "]";
      case 3 -> "(%s ? %s : %s)".formatted(comparison(), text(0), text(0));
      default -> random.nextInt(3) == 0 ? literal(one(TEXTS)) : one(texts);
    };
  }

  private String numberList() {
    return numberLists.isEmpty() ? numbers() : one(numberLists);
  }

  private String textList() {
    return one(textLists);
  }

  private String numbers() {
    return "[" + literal(one(NUMBERS)) + ", " + literal(one(NUMBERS)) + "]";
  }

  private String texts() {
    return "[" + literal(one(TEXTS)) + ", " + literal(one(TEXTS)) + "]";
  }

  private String relation() {
    return one("==", "!=", "<", "<=", ">", ">=");
  }

  private static String literal(long number) {
    return Long.toString(number);
  }

  private static String literal(String text) {
    return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
  }

  private String one(String... choices) {
    return choices[random.nextInt(choices.length)];
  }

  private <T> T one(List<T> choices) {
    return choices.get(random.nextInt(choices.size()));
  }

  // --- events

  GenericRecord event(Schema schema) {
    GenericRecord event = new GenericData.Record(schema);
    for (Schema.Field field : schema.getFields()) {
      event.put(field.pos(), value(field.schema()));
    }
    return event;
  }

  private Object value(Schema schema) {
    Schema type = EventType.notNull(schema);
    if (schema.isNullable() && random.nextInt(3) == 0) {
      return null;
    }
    return switch (type.getType()) {
      case INT -> (int) (long) one(NUMBERS);
      case LONG -> one(NUMBERS);
      case STRING -> one(TEXTS);
      case ARRAY -> {
        List<Object> list = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
          list.add(value(type.getElementType()));
        }
        yield list;
      }
      case RECORD -> event(type);
      default -> throw new AssertionError("no values of " + type);
    };
  }
}
