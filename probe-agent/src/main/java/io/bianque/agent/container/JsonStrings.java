package io.bianque.agent.container;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Takes single strings out of JSON by their path, {@code Config/Image}, and skips the rest: a
 * runtime's file may have megabytes of which a few names are wanted.
 */
final class JsonStrings {
  private static final JsonFactory FACTORY = new JsonFactory();

  private final JsonParser parser;
  private final Set<String> wanted;

  private JsonStrings(JsonParser parser, Set<String> wanted) {
    this.parser = parser;
    this.wanted = wanted;
  }

  /**
   * The strings of one object.
   *
   * @param wanted paths of strings, or of objects and arrays of which all strings are wanted; an
   *     array's elements are numbered: {@code names/0}
   */
  static Map<String, String> ofObject(InputStream in, Set<String> wanted) throws IOException {
    try (JsonParser parser = FACTORY.createParser(in)) {
      expect(parser.nextToken(), JsonToken.START_OBJECT);
      return new JsonStrings(parser, wanted).object();
    }
  }

  static Map<String, String> ofObject(String text, Set<String> wanted) throws IOException {
    try (JsonParser parser = FACTORY.createParser(text)) {
      expect(parser.nextToken(), JsonToken.START_OBJECT);
      return new JsonStrings(parser, wanted).object();
    }
  }

  /** The strings of each object of an array. */
  static List<Map<String, String>> ofObjects(InputStream in, Set<String> wanted)
      throws IOException {
    List<Map<String, String>> all = new ArrayList<>();
    try (JsonParser parser = FACTORY.createParser(in)) {
      expect(parser.nextToken(), JsonToken.START_ARRAY);
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        expect(parser.currentToken(), JsonToken.START_OBJECT);
        all.add(new JsonStrings(parser, wanted).object());
      }
    }
    return all;
  }

  private static void expect(JsonToken found, JsonToken expected) throws IOException {
    if (found != expected) {
      throw new IOException("has " + found + " where " + expected + " should be");
    }
  }

  private Map<String, String> object() throws IOException {
    Map<String, String> found = new HashMap<>();
    members("", false, found);
    return found;
  }

  private void members(String path, boolean all, Map<String, String> found) throws IOException {
    boolean array = parser.currentToken() == JsonToken.START_ARRAY;
    JsonToken end = array ? JsonToken.END_ARRAY : JsonToken.END_OBJECT;
    int element = 0;
    for (JsonToken token = parser.nextToken(); token != end; token = parser.nextToken()) {
      if (token == null) {
        throw new IOException("ends within");
      }
      String name = array ? String.valueOf(element++) : parser.currentName();
      member(
          path.isEmpty() ? name : path + "/" + name,
          array ? token : parser.nextToken(),
          all,
          found);
    }
  }

  private void member(String path, JsonToken token, boolean all, Map<String, String> found)
      throws IOException {
    boolean wantedHere = all || wanted.contains(path);
    if (token == JsonToken.START_OBJECT || token == JsonToken.START_ARRAY) {
      if (wantedHere || wanted.stream().anyMatch(each -> each.startsWith(path + "/"))) {
        members(path, wantedHere, found);
      } else {
        parser.skipChildren();
      }
    } else if (wantedHere && token == JsonToken.VALUE_STRING) {
      found.put(path, parser.getText());
    }
  }
}
