package io.bianque.agent.control;

import static io.bianque.agent.control.Asked.NOON;
import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.control.Requests.Known;
import io.bianque.facts.ControlAction;
import io.bianque.facts.ControlRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RequestsTest {
  private static final Duration TEN_MINUTES = Duration.ofMinutes(10);

  private final Requests requests = new Requests();

  @Test
  void aRequestEndsByTheTimeOfItsSender() {
    ControlRequest request = Asked.of(ControlAction.STOP, Map.of());
    assertThat(Requests.endsAt(request, NOON.plusSeconds(60))).isEqualTo(NOON.plus(TEN_MINUTES));
  }

  @Test
  void aSendersClockThatIsAheadMakesItNoLonger() {
    ControlRequest request = Asked.of(ControlAction.STOP, Map.of());
    Instant yesterday = NOON.minus(Duration.ofDays(1));
    assertThat(Requests.endsAt(request, yesterday)).isEqualTo(yesterday.plus(TEN_MINUTES));
  }

  @Test
  void timesThatNoCalendarHoldsAreTimesAllTheSame() {
    ControlRequest request = Asked.of(ControlAction.STOP, Map.of());
    request.setValidForMs(Long.MAX_VALUE);
    request.setSentAt(Instant.MAX.minusSeconds(1));
    assertThat(Requests.endsAt(request, NOON)).isAfter(NOON);
    request.setValidForMs(Long.MIN_VALUE);
    assertThat(Requests.endsAt(request, NOON)).isEqualTo(NOON);
  }

  @Test
  void theyAreInTheOrderInWhichTheyWereSent() {
    put("b", NOON.plusSeconds(2), true);
    put("a", NOON.plusSeconds(1), true);
    put("refused", NOON.plusSeconds(3), false);
    assertThat(requests.holding("dropwatch"))
        .extracting(ControlRequest::getRequestId)
        .containsExactly("a", "b");
  }

  @Test
  void theSameRequestIsKnownAndAnotherOfItsIdIsNot() {
    ControlRequest first = put("a", NOON, true);
    assertThat(requests.has(first)).isTrue();
    assertThat(requests.has(request("a", NOON.plusSeconds(1)))).isFalse();
  }

  @Test
  void whatIsOverIsTakenOutOnceAndOnlyWhatHeldIsSaid() {
    put("held", NOON, true);
    put("refused", NOON, false);
    Instant end = NOON.plus(TEN_MINUTES);
    assertThat(requests.nextEnd()).contains(end);
    assertThat(requests.removeEnded(end.minusMillis(1))).isEmpty();
    assertThat(requests.removeEnded(end))
        .extracting(each -> each.request().getRequestId())
        .containsExactly("held");
    assertThat(requests.removeEnded(end)).isEmpty();
    assertThat(requests.nextEnd()).isEmpty();
  }

  private ControlRequest put(String id, Instant sentAt, boolean holds) {
    ControlRequest request = request(id, sentAt);
    requests.put(new Known(request, Requests.endsAt(request, NOON), holds));
    return request;
  }

  private static ControlRequest request(String id, Instant sentAt) {
    return Asked.of(id, sentAt, ControlAction.TUNE, Map.of("a", "1"), TEN_MINUTES);
  }
}
