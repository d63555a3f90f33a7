package io.bianque.streams.dns;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.streams.dns.LoopbackDns.Manner;
import io.bianque.streams.dns.ReverseNames.Answer;
import io.bianque.streams.names.IpAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Against a real DNS server on the loopback interface; time for the caches is the test's. */
class ReverseNamesTest {
  private LoopbackDns server;
  private final AtomicLong nanos = new AtomicLong();

  @BeforeEach
  void open() throws Exception {
    server = new LoopbackDns();
  }

  @AfterEach
  void close() {
    server.close();
  }

  private ReverseNames names(Duration timeout, int concurrent, int queued, int breakerFailures) {
    return new ReverseNames(
        new ReverseNames.Settings(
            List.of(server.address()),
            timeout,
            100,
            concurrent,
            queued,
            breakerFailures,
            Duration.ofSeconds(10)),
        nanos::get);
  }

  private ReverseNames names() {
    return names(Duration.ofSeconds(5), 8, 100, 3);
  }

  private void pass(Duration time) {
    nanos.addAndGet(time.toNanos());
  }

  private static IpAddress ip(int last) {
    return IpAddress.of(new byte[] {10, 0, 0, (byte) last});
  }

  private static Answer answer(ReverseNames names, IpAddress address) {
    return await()
        .atMost(Duration.ofSeconds(10))
        .until(() -> names.lookup(address).answer(), answer -> !(answer instanceof Answer.Pending));
  }

  @Test
  void theFirstQuestionIsPendingAndLaterOnesHaveTheName() {
    server.name("1.0.0.10.in-addr.arpa.", "Client.Example.org.");
    server.manner = Manner.HOLDS;
    ReverseNames names = names();
    assertThat(names.lookup(ip(1)).answer()).isInstanceOf(Answer.Pending.class);
    server.open();
    assertThat(answer(names, ip(1))).isEqualTo(new Answer.Known("client.example.org"));
    assertThat(names.outcomes()).containsEntry("answered", 1L);
  }

  @Test
  void anIpv6AddressIsAskedForInItsOwnTree() {
    byte[] address = new byte[16];
    address[0] = 0x20;
    address[1] = 0x01;
    address[15] = 1;
    server.name(
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.2.ip6.arpa.",
        "six.example.org.");
    assertThat(answer(names(), IpAddress.of(address)))
        .isEqualTo(new Answer.Known("six.example.org"));
  }

  @Test
  void ofSeveralNamesTheAlphabetsFirstIsTaken() {
    server.name("1.0.0.10.in-addr.arpa.", "b.example.org.", "a.example.org.");
    assertThat(answer(names(), ip(1))).isEqualTo(new Answer.Known("a.example.org"));
  }

  @Test
  void anAnswerIsRememberedAsLongAsItsTtlSays() {
    server.name("1.0.0.10.in-addr.arpa.", "a.example.org.");
    ReverseNames names = names();
    var _ = answer(names, ip(1));
    pass(Duration.ofSeconds(59));
    assertThat(names.lookup(ip(1)).answer()).isInstanceOf(Answer.Known.class);
    assertThat(server.questions).hasSize(1);
    pass(Duration.ofSeconds(2));
    var _ = answer(names, ip(1));
    assertThat(server.questions).hasSize(2);
  }

  @Test
  void noTtlIsSoShortThatEveryEventAsks() {
    server.ttl = 0;
    server.name("1.0.0.10.in-addr.arpa.", "a.example.org.");
    ReverseNames names = names();
    var _ = answer(names, ip(1));
    pass(Duration.ofSeconds(9));
    assertThat(names.lookup(ip(1)).answer()).isInstanceOf(Answer.Known.class);
    assertThat(server.questions).hasSize(1);
  }

  @Test
  void thatThereIsNoNameIsAnAnswerAndRememberedAsTheZoneSays() {
    ReverseNames names = names();
    assertThat(answer(names, ip(9))).isInstanceOf(Answer.Nameless.class);
    pass(Duration.ofSeconds(119));
    assertThat(names.lookup(ip(9)).answer()).isInstanceOf(Answer.Nameless.class);
    assertThat(server.questions).hasSize(1);
    pass(Duration.ofSeconds(2));
    var _ = answer(names, ip(9));
    assertThat(server.questions).hasSize(2);
  }

  @Test
  void oneAddressIsAskedForOnceAtATime() {
    server.manner = Manner.HOLDS;
    ReverseNames names = names();
    for (int i = 0; i < 50; i++) {
      assertThat(names.lookup(ip(1)).answer()).isInstanceOf(Answer.Pending.class);
    }
    assertThat(names.outstanding()).isEqualTo(1);
    server.open();
    var _ = answer(names, ip(1));
    assertThat(server.questions).hasSize(1);
  }

  @Test
  void onlySoManyAreAskedAtTheSameTimeAndTheOthersWaitTheirTurn() {
    server.manner = Manner.HOLDS;
    ReverseNames names = names(Duration.ofSeconds(20), 2, 3, 3);
    for (int i = 1; i <= 5; i++) {
      assertThat(names.lookup(ip(i)).answer()).isInstanceOf(Answer.Pending.class);
    }
    assertThat(names.lookup(ip(6)).answer()).isInstanceOf(Answer.Unavailable.class);
    await().until(() -> server.atOnce.get() == 2);
    server.open();
    for (int i = 1; i <= 5; i++) {
      assertThat(answer(names, ip(i))).isInstanceOf(Answer.Nameless.class);
    }
    assertThat(server.questions).hasSize(5);
  }

  @Test
  void aServerThatSaysItFailedIsNotAskedAgainAtOnceButOthersAre() {
    server.manner = Manner.FAILS;
    ReverseNames names = names();
    assertThat(answer(names, ip(1))).isEqualTo(new Answer.Unavailable("DNS answered SERVFAIL"));
    int asked = server.questions.size();
    assertThat(names.lookup(ip(1)).answer()).isInstanceOf(Answer.Unavailable.class);
    assertThat(server.questions).hasSize(asked);
    assertThat(names.paused()).isFalse();
  }

  @Test
  void aSilentServerCostsAFewQuestionsAndThenNoneUntilItIsBack() {
    server.manner = Manner.SILENT;
    ReverseNames names = names(Duration.ofMillis(200), 8, 100, 3);
    for (int i = 1; i <= 3; i++) {
      assertThat(answer(names, ip(i))).isInstanceOf(Answer.Unavailable.class);
    }
    assertThat(names.paused()).isTrue();
    int asked = server.questions.size();
    for (int i = 10; i < 200; i++) {
      assertThat(names.lookup(ip(i)).answer())
          .isEqualTo(new Answer.Unavailable("the DNS servers do not answer"));
    }
    assertThat(server.questions).hasSize(asked);

    server.manner = Manner.ANSWERS;
    pass(Duration.ofSeconds(11));
    // One goes ahead, and not even its event waits; the others follow when it has come back.
    assertThat(names.lookup(ip(201)).answer()).isInstanceOf(Answer.Unavailable.class);
    assertThat(names.lookup(ip(201)).answer()).isNotInstanceOf(Answer.Pending.class);
    await().until(() -> !names.paused());
    assertThat(answer(names, ip(201))).isInstanceOf(Answer.Nameless.class);
    assertThat(names.paused()).isFalse();
    assertThat(answer(names, ip(202))).isInstanceOf(Answer.Nameless.class);
  }

  @Test
  void whileOneIsAskedForToSeeWhetherTheServersAreBackNoOtherIs() {
    server.manner = Manner.SILENT;
    ReverseNames names = names(Duration.ofSeconds(3), 8, 100, 3);
    for (int i = 1; i <= 3; i++) {
      var _ = names.lookup(ip(i));
    }
    await().until(names::paused);

    server.manner = Manner.HOLDS;
    pass(Duration.ofSeconds(11));
    var _ = names.lookup(ip(4));
    await().until(() -> server.atOnce.get() > 0);
    // However long that takes: twice the pause has gone by.
    pass(Duration.ofSeconds(11));
    for (int i = 5; i < 100; i++) {
      assertThat(names.lookup(ip(i)).answer())
          .isEqualTo(new Answer.Unavailable("the DNS servers do not answer"));
    }
    assertThat(names.outstanding()).isEqualTo(1);
    assertThat(Set.copyOf(server.questions)).hasSize(4);
    server.open();
    await().until(() -> !names.paused());
  }

  @Test
  void aServerThatIsNotThereFailsWithoutAnException() {
    InetSocketAddress gone = server.address();
    server.close();
    ReverseNames names =
        new ReverseNames(
            new ReverseNames.Settings(
                List.of(gone), Duration.ofMillis(300), 100, 8, 100, 3, Duration.ofSeconds(10)),
            nanos::get);
    assertThat(answer(names, ip(1))).isInstanceOf(Answer.Unavailable.class);
  }

  @Test
  void addressesThatCannotHaveANameAreNotAskedFor() {
    ReverseNames names = names();
    assertThat(names.lookup(IpAddress.of(new byte[4])).answer())
        .isInstanceOf(Answer.Nameless.class);
    assertThat(names.lookup(IpAddress.of(new byte[] {(byte) 224, 0, 0, 1})).answer())
        .isInstanceOf(Answer.Nameless.class);
    assertThat(names.outcomes()).containsEntry("skipped", 2L);
    assertThat(names.outstanding()).isZero();
  }
}
