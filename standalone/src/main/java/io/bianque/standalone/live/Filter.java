package io.bianque.standalone.live;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A condition on one field of a record: {@code field=value}, {@code field!=value} or {@code
 * field~part of it}. On a list it holds when it holds for an item ({@code !=}: for no item).
 */
public record Filter(String field, String operator, String value) {

  private static final Pattern SYNTAX = Pattern.compile("([A-Za-z_][A-Za-z0-9_.]*)(!=|=|~)(.*)");

  /**
   * Reads a condition as it is typed.
   *
   * @throws IllegalArgumentException with the text and the syntax
   */
  public static Filter parse(String text) {
    Matcher matcher = SYNTAX.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "\"" + text + "\" is no filter; write field=value, field!=value or field~part");
    }
    return new Filter(matcher.group(1), matcher.group(2), matcher.group(3));
  }

  /** A field that the record does not have equals nothing. */
  public boolean accepts(JsonNode event) {
    JsonNode actual = event.path(field);
    boolean found = actual.isArray() ? anyItem(actual) : holds(actual);
    return operator.equals("!=") != found;
  }

  private boolean anyItem(JsonNode items) {
    for (JsonNode item : items) {
      if (holds(item)) {
        return true;
      }
    }
    return false;
  }

  private boolean holds(JsonNode actual) {
    if (actual.isMissingNode() || actual.isNull()) {
      return false;
    }
    return operator.equals("~") ? actual.asText().contains(value) : actual.asText().equals(value);
  }
}
