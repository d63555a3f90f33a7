package io.bianque.streams.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.schemas.catalogue.Topics;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class FactsFirstTest {
  private final TopicPartition hosts = new TopicPartition(Topics.HOSTS, 0);
  private final TopicPartition containers = new TopicPartition(Topics.CONTAINERS, 0);
  private final TopicPartition events = new TopicPartition(Topics.raw("dropwatch"), 0);
  private final Map<TopicPartition, Long> lags = new HashMap<>();
  private final Set<TopicPartition> paused = new HashSet<>();
  private final FactsFirst order =
      new FactsFirst(
          new FactsFirst.Fetching() {
            @Override
            public OptionalLong lag(TopicPartition partition) {
              Long lag = lags.get(partition);
              return lag == null ? OptionalLong.empty() : OptionalLong.of(lag);
            }

            @Override
            public void pause(Collection<TopicPartition> partitions) {
              paused.addAll(partitions);
            }

            @Override
            public void resume(Collection<TopicPartition> partitions) {
              paused.removeAll(partitions);
            }
          });

  private boolean fetches(TopicPartition partition, TopicPartition... assigned) {
    order.beforePoll(Set.of(assigned));
    return !paused.contains(partition);
  }

  @Test
  void eventsAreFetchedOnceBothKindsOfFactsHaveBeenRead() {
    TopicPartition[] all = {hosts, containers, events};
    assertThat(fetches(events, all)).as("nothing was fetched yet").isFalse();
    lags.put(hosts, 0L);
    assertThat(fetches(events, all)).as("nothing is known of containers").isFalse();
    lags.put(containers, 7L);
    assertThat(fetches(events, all)).as("seven are to come").isFalse();
    lags.put(containers, 0L);
    assertThat(fetches(events, all)).isTrue();
    lags.put(containers, 1L);
    assertThat(fetches(events, all)).as("what comes later is live").isTrue();
    assertThat(fetches(hosts, all) && fetches(containers, all)).isTrue();
  }

  @Test
  void anotherNumbersFactsSayNothing() {
    lags.put(new TopicPartition(Topics.HOSTS, 1), 0L);
    lags.put(new TopicPartition(Topics.CONTAINERS, 1), 0L);
    TopicPartition other = new TopicPartition(Topics.raw("dropwatch"), 1);
    TopicPartition[] all = {
      hosts,
      containers,
      events,
      new TopicPartition(Topics.HOSTS, 1),
      new TopicPartition(Topics.CONTAINERS, 1),
      other
    };
    assertThat(fetches(other, all)).isTrue();
    assertThat(fetches(events, all)).isFalse();
  }

  @Test
  void whatStreamsPausesStaysPausedAndWhatItResumesIsHeldAllTheSame() {
    TopicPartition[] all = {hosts, containers, events};
    assertThat(fetches(events, all)).isFalse();
    order.resume(List.of(events));
    assertThat(paused).as("its facts have not been read").contains(events);
    order.pause(List.of(events));
    lags.put(hosts, 0L);
    lags.put(containers, 0L);
    assertThat(fetches(events, all)).as("Streams has paused it").isFalse();
    order.resume(List.of(events));
    assertThat(paused).isEmpty();
  }

  @Test
  void whatIsAssignedAnewWaitsAnew() {
    TopicPartition[] all = {hosts, containers, events};
    lags.put(hosts, 0L);
    lags.put(containers, 0L);
    assertThat(fetches(events, all)).isTrue();
    order.beforePoll(Set.of());
    lags.put(hosts, 3L);
    assertThat(fetches(events, all)).isFalse();
  }
}
