package io.bianque.sinks.search;

import io.bianque.sinks.document.JsonBytes;
import io.bianque.sinks.event.SinkCounters;
import io.bianque.sinks.search.Batch.Document;
import io.bianque.sinks.search.BulkAnswer.Item;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.connect.errors.ConnectException;

/**
 * Delivers one batch, for as long as it takes: until each of its documents is written, was there
 * already, or is rejected for what it is. Any thread; the batch is the caller's meanwhile.
 */
final class BatchSender {
  private static final String PATH = "/_bulk?" + BulkAnswer.FILTER;

  private final SearchSinkConfig config;
  private final SearchServer server;
  private final SinkCounters counters;
  private final Optional<Templates> templates;
  private final Rollovers rollovers;

  BatchSender(SearchSinkConfig config, SearchServer server, SinkCounters counters) {
    this.config = config;
    this.server = server;
    this.counters = counters;
    this.templates =
        config.getBoolean(SearchSinkConfig.MANAGE_TEMPLATES)
            ? Optional.of(new Templates(server, config.lifecyclePolicy()))
            : Optional.empty();
    this.rollovers = new Rollovers(server);
  }

  /**
   * Returns when nothing of the batch is left to send.
   *
   * @throws ConnectException when the server refuses what a person has to put right
   * @throws InterruptedException when it is to stop; what was not confirmed is not known then
   */
  void deliver(Batch batch) throws InterruptedException {
    Backoff backoff =
        new Backoff(
            config.duration(SearchSinkConfig.RETRY_BACKOFF),
            config.duration(SearchSinkConfig.RETRY_BACKOFF_MAX));
    Deque<List<Document>> parts = new ArrayDeque<>();
    parts.add(batch.documents());
    while (!parts.isEmpty()) {
      List<Document> part = parts.removeFirst();
      if (part.isEmpty()) {
        continue;
      }
      Optional<String> trouble = attempt(batch, part, parts);
      if (trouble.isPresent()) {
        counters.retried(trouble.get());
        rollovers.forget();
        Thread.sleep(backoff.next());
      } else {
        backoff.reset();
      }
    }
    counters.fine();
  }

  /**
   * Sends a part once and puts back into {@code parts} what is left of it.
   *
   * @return why to wait before the next attempt; empty when there is no reason to
   */
  private Optional<String> attempt(Batch batch, List<Document> part, Deque<List<Document>> parts)
      throws InterruptedException {
    try {
      if (templates.isPresent()) {
        for (Target target : batch.targets()) {
          templates.get().ensure(target);
        }
      }
      Set<Document> there = rollovers.alreadyThere(part);
      List<Document> sent =
          there.isEmpty()
              ? part
              : part.stream().filter(document -> !there.contains(document)).toList();
      BulkAnswer answer = sent.isEmpty() ? new BulkAnswer.Items(List.of()) : send(batch, sent);
      return switch (answer) {
        case BulkAnswer.Items(List<Item> items) -> {
          if (items.size() != sent.size()) {
            throw new IOException(
                "the answer has " + items.size() + " items for " + sent.size() + " documents");
          }
          counters.alreadyThere(there.size());
          yield settle(batch, sent, items, parts);
        }
        case BulkAnswer.Later(String why) -> throw new IOException(why);
        case BulkAnswer.Smaller(String why) -> {
          counters.alreadyThere(there.size());
          halve(batch, sent, why, parts);
          yield Optional.empty();
        }
        case BulkAnswer.Refused(String why) -> throw new Refused(why);
      };
    } catch (IOException e) {
      parts.addFirst(part);
      return Optional.of(e.getMessage());
    } catch (Refused e) {
      throw new ConnectException(
          "The search server refuses this connector's requests; nothing is lost, restart the task once this is put right: "
              + e.getMessage(),
          e);
    }
  }

  private BulkAnswer send(Batch batch, List<Document> documents)
      throws IOException, InterruptedException {
    JsonBytes body = batch.body(documents);
    return server.send(
        "POST",
        PATH,
        "application/x-ndjson",
        BodyPublishers.ofByteArray(body.array(), 0, body.length()),
        BulkAnswer::read);
  }

  private Optional<String> settle(
      Batch batch, List<Document> sent, List<Item> items, Deque<List<Document>> parts) {
    int written = 0;
    int alreadyThere = 0;
    List<Document> again = new ArrayList<>();
    String whyAgain = "";
    for (int i = 0; i < sent.size(); i++) {
      Document document = sent.get(i);
      switch (items.get(i)) {
        case Item.Written(String index) -> {
          written++;
          rollovers.wroteTo(document.target().stream(), index);
        }
        case Item.AlreadyThere _ -> alreadyThere++;
        case Item.Again(String why) -> {
          again.add(document);
          whyAgain = why;
        }
        case Item.Rejected(String reason, String detail) -> batch.reject(document, reason, detail);
        case Item.NotAllowed(String why) ->
            throw new Refused(document.target().stream() + ": " + why);
      }
    }
    counters.written(written);
    counters.alreadyThere(alreadyThere);
    if (again.isEmpty()) {
      return Optional.empty();
    }
    parts.addFirst(again);
    return Optional.of(again.size() + " documents: " + whyAgain);
  }

  /** Finds the document that a whole request is refused for, by halves. */
  private static void halve(
      Batch batch, List<Document> documents, String why, Deque<List<Document>> parts) {
    if (documents.size() == 1) {
      batch.reject(documents.getFirst(), "request-refused", why);
      return;
    }
    int half = documents.size() / 2;
    parts.addFirst(documents.subList(half, documents.size()));
    parts.addFirst(documents.subList(0, half));
  }
}
