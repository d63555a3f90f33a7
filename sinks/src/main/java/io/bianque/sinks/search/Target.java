package io.bianque.sinks.search;

import io.bianque.sinks.document.DocumentLayout;
import java.nio.charset.StandardCharsets;

/** The data stream that events of one schema go to. Equal only to itself: one for each schema. */
final class Target {
  private final DocumentLayout layout;
  private final String stream;
  private final byte[] action;

  Target(DocumentLayout layout, String namespace) {
    this.layout = layout;
    this.stream = layout.dataStream(namespace);
    // Data streams take no other operation, and create is the one that refuses an id that is there.
    this.action =
        ("{\"create\":{\"_index\":\"" + stream + "\",\"_id\":").getBytes(StandardCharsets.UTF_8);
  }

  DocumentLayout layout() {
    return layout;
  }

  String stream() {
    return stream;
  }

  /** The first line of a document in a bulk request, up to its id. */
  byte[] action() {
    return action;
  }
}
