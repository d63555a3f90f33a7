package io.bianque.sinks.search;

import io.bianque.sinks.document.JsonBytes;
import io.bianque.sinks.event.Reading.Event;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * The documents of one bulk request, as its body already.
 *
 * <p>Handed from one thread to another, never shared: the task fills it, a sender sends it, the
 * task settles it.
 */
final class Batch {
  private final JsonBytes body = new JsonBytes(4 << 10);
  private final List<Document> documents = new ArrayList<>();
  private final Set<Target> targets = new LinkedHashSet<>();
  private final Deque<Rejection> rejections = new ArrayDeque<>();
  private boolean settled;

  /**
   * @param start of its two lines in the body, up to {@code end}
   */
  record Document(SinkRecord record, Target target, String id, int start, int end) {}

  /**
   * @param reason a stable word for counting
   */
  record Rejection(Document document, String reason, String detail) {}

  /** A batch of which nothing is left to do. */
  static Batch nothing() {
    Batch batch = new Batch();
    batch.settle();
    return batch;
  }

  void add(SinkRecord record, Event reading, Target target) {
    String id = reading.id();
    int start = body.length();
    body.raw(target.action()).string(id).finish().raw('}').raw('}').raw('\n');
    reading.writer().write(reading.event(), body);
    body.raw('\n');
    documents.add(new Document(record, target, id, start, body.length()));
    targets.add(target);
  }

  int bytes() {
    return body.length();
  }

  List<Document> documents() {
    return documents;
  }

  Set<Target> targets() {
    return targets;
  }

  /** Body of a request with these of its documents, in their order. */
  JsonBytes body(List<Document> some) {
    if (some.size() == documents.size()) {
      return body;
    }
    JsonBytes part =
        new JsonBytes(some.stream().mapToInt(document -> document.end() - document.start()).sum());
    some.forEach(
        document -> part.raw(body.array(), document.start(), document.end() - document.start()));
    return part;
  }

  void reject(Document document, String reason, String detail) {
    rejections.add(new Rejection(document, reason, detail));
  }

  /** Those not reported yet. */
  Deque<Rejection> rejections() {
    return rejections;
  }

  /** Marks that nothing of it is left to do, dead letters included. */
  void settle() {
    settled = true;
  }

  boolean settled() {
    return settled;
  }
}
