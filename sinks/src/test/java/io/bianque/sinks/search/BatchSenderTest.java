package io.bianque.sinks.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bianque.sinks.event.EventReader;
import io.bianque.sinks.event.Fixtures;
import io.bianque.sinks.event.Reading.Event;
import io.bianque.sinks.event.SinkCounters;
import io.bianque.sinks.search.FakeServer.Answer;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class BatchSenderTest {
  private final FakeServer server = new FakeServer();
  private final SinkCounters counters = new SinkCounters("search", "test", "0");

  BatchSenderTest() throws IOException {}

  @AfterEach
  void close() {
    server.close();
    counters.close();
  }

  @Test
  void aBusyServerIsAskedAgainUntilItTakesTheBatch() throws Exception {
    for (int status : new int[] {429, 502, 503, 504, 500, 408}) {
      int before = server.requests().size();
      server.answering(ids ->
          server.requests().size() - before < 3
              ? new Answer(status, "busy")
              : FakeServer.created(ids));

      deliver(batch(4));

      assertThat(server.requests().subList(before, server.requests().size()))
          .hasSize(3)
          .allMatch(ids -> ids.size() == 4);
    }
    assertThat(counters.getWritten()).isEqualTo(24);
    assertThat(counters.getRetried()).isEqualTo(12);
    assertThat(counters.getTrouble()).isEmpty();
  }

  @Test
  void onlyTheDocumentsThatTheServerHadNoRoomForAreSentAgain() throws Exception {
    server.answering(ids ->
        server.requests().size() == 1
            ? FakeServer.items(
                ids,
                id ->
                    id.endsWith("2")
                        ? FakeServer.item(429, "es_rejected_execution_exception")
                        : FakeServer.item(201, ""))
            : FakeServer.created(ids));

    deliver(batch(4));

    assertThat(server.requests()).containsExactly(ids(0, 1, 2, 3), ids(2));
    assertThat(counters.getWritten()).isEqualTo(4);
  }

  @Test
  void whatIsThereAlreadyIsCountedAndNotAnError() throws Exception {
    server.answering(ids ->
        FakeServer.items(ids, id -> FakeServer.item(409, "version_conflict_engine_exception")));

    Batch batch = deliver(batch(3));

    assertThat(batch.rejections()).isEmpty();
    assertThat(counters.getAlreadyThere()).isEqualTo(3);
    assertThat(counters.getWritten()).isZero();
  }

  @Test
  void aRejectedDocumentIsSetAsideWithTheServersReason() throws Exception {
    server.answering(ids ->
        FakeServer.items(
            ids,
            id ->
                id.endsWith("1")
                    ? FakeServer.item(400, "document_parsing_exception")
                    : FakeServer.item(201, "")));

    Batch batch = deliver(batch(3));

    assertThat(batch.rejections())
        .singleElement()
        .satisfies(rejection -> {
          assertThat(rejection.document().id()).isEqualTo(Fixtures.id(0, 1));
          assertThat(rejection.reason()).isEqualTo("document_parsing_exception");
          assertThat(rejection.detail()).isEqualTo("why: deeper");
        });
    assertThat(counters.getWritten()).isEqualTo(2);
  }

  @Test
  void aRequestThatIsTooLargeIsHalvedUntilItFits() throws Exception {
    server.answering(
        ids -> ids.size() > 2 ? new Answer(413, "too large") : FakeServer.created(ids));

    deliver(batch(7));

    assertThat(server.requests().stream().filter(ids -> ids.size() <= 2).mapToInt(List::size).sum())
        .isEqualTo(7);
    assertThat(counters.getWritten()).isEqualTo(7);
  }

  @Test
  void theOneDocumentThatTheServerRefusesAWholeRequestForIsFound() throws Exception {
    server.answering(ids ->
        ids.contains(Fixtures.id(0, 5)) ? new Answer(400, "malformed") : FakeServer.created(ids));

    Batch batch = deliver(batch(8));

    assertThat(batch.rejections())
        .extracting(rejection -> rejection.document().id())
        .containsExactly(Fixtures.id(0, 5));
    assertThat(counters.getWritten()).isEqualTo(7);
  }

  @Test
  void whatIsNotTheDocumentsFaultIsNeverItsEnd() throws Exception {
    for (String type :
        List.of(
            "cluster_block_exception",
            "index_not_found_exception",
            "validation_exception",
            "index_closed_exception")) {
      int before = server.requests().size();
      server.answering(ids ->
          server.requests().size() - before < 2
              ? FakeServer.items(ids, id -> FakeServer.item(403, type))
              : FakeServer.created(ids));

      assertThat(deliver(batch(2)).rejections()).as(type).isEmpty();
    }
    assertThat(counters.getWritten()).isEqualTo(8);
  }

  @Test
  void missingRightsStopTheTaskWithWhatToDo() {
    server.answering(ids -> new Answer(401, "missing authentication credentials"));
    assertThatThrownBy(() -> deliver(batch(2)))
        .isInstanceOf(ConnectException.class)
        .hasMessageContaining("nothing is lost")
        .hasMessageContaining("missing authentication credentials");

    server.answering(
        ids -> FakeServer.items(ids, id -> FakeServer.item(403, "security_exception")));
    assertThatThrownBy(() -> deliver(batch(2)))
        .isInstanceOf(ConnectException.class)
        .hasMessageContaining("security_exception");
  }

  @Test
  void anAnswerThatIsNotTheBulkApisIsNotTakenForOne() throws Exception {
    List<Answer> strange =
        List.of(
            new Answer(200, "<html>Sign in</html>"),
            new Answer(200, "{\"took\":1}"),
            FakeServer.created(ids(0)),
            new Answer(200, "{\"errors\":false,\"items\":[{\"create\":{\"status\":201"));
    for (Answer answer : strange) {
      int before = server.requests().size();
      server.answering(
          ids -> server.requests().size() - before < 2 ? answer : FakeServer.created(ids));

      deliver(batch(3));
    }
    assertThat(counters.getWritten()).isEqualTo(12);
    assertThat(counters.getRetried()).isEqualTo(4);
  }

  @Test
  void theIndicesAreLookedAtOnceABatchAndNotOnceADocument() throws Exception {
    deliver(batch(50));

    assertThat(server.looks()).hasSize(1);
  }

  @Test
  void theNextAddressIsTriedWhenOneDoesNotAnswer() throws Exception {
    try (SearchServer dead = new SearchServer(config("http://127.0.0.1:1," + server.address()))) {
      new BatchSender(config("http://127.0.0.1:1"), dead, counters).deliver(batch(2));
    }

    assertThat(counters.getWritten()).isEqualTo(2);
    assertThat(counters.getRetried()).isEqualTo(1);
  }

  private Batch deliver(Batch batch) throws InterruptedException {
    SearchSinkConfig config = config(server.address().toString());
    try (SearchServer search = new SearchServer(config)) {
      new BatchSender(config, search, counters).deliver(batch);
    }
    return batch;
  }

  private static SearchSinkConfig config(String urls) {
    return new SearchSinkConfig(
        Map.of(
            "registry.url",
            "http://127.0.0.1:1",
            "search.url",
            urls,
            "retry.backoff.ms",
            "10",
            "template.manage",
            "false"));
  }

  private static Batch batch(int documents) {
    EventReader reader = new EventReader(Fixtures.schemas(), "default");
    Batch batch = new Batch();
    Target target = null;
    for (int i = 0; i < documents; i++) {
      SinkRecord record = Fixtures.event(0, i);
      Event event = (Event) reader.read(record);
      target = target == null ? new Target(event.writer().layout(), "default") : target;
      batch.add(record, event, target);
    }
    return batch;
  }

  private static List<String> ids(int... numbers) {
    return java.util.Arrays.stream(numbers).mapToObj(number -> Fixtures.id(0, number)).toList();
  }
}
