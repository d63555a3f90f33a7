package io.bianque.sinks.search;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;

/** What a server said to a bulk request. */
sealed interface BulkAnswer {

  /** One by one, in the order sent. */
  record Items(List<Item> items) implements BulkAnswer {}

  /** Not now. */
  record Later(String why) implements BulkAnswer {}

  /** Not as a whole: too large, or unreadable because of some document in it. */
  record Smaller(String why) implements BulkAnswer {}

  /** Not from us: rights or addresses are wrong, which a person has to change. */
  record Refused(String why) implements BulkAnswer {}

  /** What became of one document. */
  sealed interface Item {
    /**
     * Written now.
     *
     * @param index the backing index it went to
     */
    record Written(String index) implements Item {}

    /** Refused because its id is there. */
    record AlreadyThere() implements Item {}

    record Again(String why) implements Item {}

    /** The document is at fault. */
    record Rejected(String reason, String detail) implements Item {}

    record NotAllowed(String why) implements Item {}
  }

  /** Keeps answers small: of 2,000 documents it takes off some 300 KB. */
  String FILTER =
      "filter_path=errors,items.*.status,items.*._index,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason";

  JsonFactory JSON = new JsonFactory();

  static BulkAnswer read(int status, InputStream body) throws IOException {
    if (status == 200) {
      return items(body);
    }
    String why = "HTTP " + status + ": " + SearchServer.text(body);
    if (SearchServer.passing(status)) {
      return new Later(why);
    }
    return status == 413 || status == 400 ? new Smaller(why) : new Refused(why);
  }

  private static BulkAnswer items(InputStream body) throws IOException {
    List<Item> items = new ArrayList<>();
    boolean seen = false;
    try (JsonParser parser = JSON.createParser(body)) {
      if (parser.nextToken() == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String name = parser.currentName();
          parser.nextToken();
          if (name.equals("items")) {
            seen = true;
            while (parser.nextToken() == JsonToken.START_OBJECT) {
              parser.nextToken(); // "create"
              parser.nextToken();
              items.add(item(parser));
              parser.nextToken(); // the end of the object around it
            }
          } else {
            parser.skipChildren();
          }
        }
      }
    } catch (JsonProcessingException e) {
      return new Later("the answer is not the bulk API's: " + e.getOriginalMessage());
    }
    return seen ? new Items(items) : new Later("the answer is not the bulk API's: it has no items");
  }

  /** Reads {@code {"_index": …, "status": …, "error": {…}}}. */
  private static Item item(JsonParser parser) throws IOException {
    int status = 0;
    String index = "";
    String type = "";
    String reason = "";
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      parser.nextToken();
      switch (name) {
        case "status" -> status = parser.getIntValue();
        case "_index" -> index = parser.getText();
        case "error" -> {
          while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String part = parser.currentName();
            parser.nextToken();
            switch (part) {
              case "type" -> type = parser.getText();
              case "reason" ->
                  reason = reason.isEmpty() ? parser.getText() : parser.getText() + ": " + reason;
              case "caused_by" -> {
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                  parser.nextToken();
                  reason = reason.isEmpty() ? parser.getText() : reason + ": " + parser.getText();
                }
              }
              default -> parser.skipChildren();
            }
          }
        }
        default -> parser.skipChildren();
      }
    }
    return item(status, index, type, reason);
  }

  private static Item item(int status, String index, String type, String reason) {
    if (status == 200 || status == 201) {
      return new Item.Written(index);
    }
    if (status == 409) {
      return new Item.AlreadyThere();
    }
    String why = "HTTP " + status + " " + type + ": " + reason;
    if (SearchServer.passing(status)) {
      return new Item.Again(why);
    }
    return switch (type) {
      // Not the document's fault: the index is closed or read-only, is just being deleted, or there
      // is no room for another shard.
      case "cluster_block_exception",
          "index_closed_exception",
          "index_not_found_exception",
          "validation_exception" ->
          new Item.Again(why);
      default ->
          status == 401 || status == 403
              ? new Item.NotAllowed(why)
              : new Item.Rejected(type.isEmpty() ? "http-" + status : type, reason);
    };
  }
}
