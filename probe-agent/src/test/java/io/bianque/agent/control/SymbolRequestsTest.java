package io.bianque.agent.control;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.facts.SymbolRequest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SymbolRequestsTest {
  private static final String TABLE = "aa55/vmlinux";

  private final List<Set<String>> asked = new ArrayList<>();
  private final SymbolRequests requests = new SymbolRequests("me", asked::add);

  @Test
  void whatIsAskedOfThisHostIsPassedOnOnce() {
    ask("me");
    requests.settle();
    requests.settle();

    assertThat(asked).containsExactly(Set.of(TABLE));
  }

  @Test
  void whatIsAskedOfAnotherHostIsNot() {
    ask("another");
    requests.settle();

    assertThat(asked).isEmpty();
  }

  @Test
  void askingAnotherHostTakesTheRequestBack() {
    ask("me");
    ask("another");
    requests.settle();

    assertThat(asked).isEmpty();
  }

  @Test
  void tableThatHasComeIsAskedForNoMore() {
    ask("me");
    requests.withdrawn(TABLE);
    requests.settle();

    assertThat(asked).isEmpty();
  }

  @Test
  void askedAgainItAnswersAgain() {
    ask("me");
    requests.settle();
    ask("me");
    requests.settle();

    assertThat(asked).hasSize(2);
  }

  private void ask(String host) {
    requests.request(TABLE, new SymbolRequest("aa55", "vmlinux", host, Instant.EPOCH));
  }
}
