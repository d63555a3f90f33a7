package io.bianque.sinks.event;

import io.bianque.sinks.document.DocumentWriter;
import org.apache.avro.generic.GenericRecord;

/** What reading a record came to. */
public sealed interface Reading {

  /**
   * An event, and how its document is written.
   *
   * @param writer of this event's schema; the reader's own, for the reader's thread
   */
  record Event(GenericRecord event, DocumentWriter writer) implements Reading {
    public String id() {
      return writer.id(event).toString();
    }
  }

  /**
   * Not an event, and never will be.
   *
   * @param reason a stable word for counting
   * @param detail what happened, for a person
   */
  record Unreadable(String reason, String detail) implements Reading {}
}
