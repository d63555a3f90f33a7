package io.bianque.streams.enrich;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.facts.Container;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.derive.EnrichedSchema;
import io.bianque.schemas.wire.AvroWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContainersTest {
  private static final Duration WAIT = EnrichSettings.defaults().containersWait();

  /** A probe whose events name three cgroups, two of them of the task that they are about. */
  private static final Schema THREE =
      new Schema.Parser()
          .parse(
              """
              {"type": "record", "name": "three", "namespace": "io.bianque.raw", "doc": "Three.", "fields": [
                {"name": "host_id", "type": {"type": "string", "logicalType": "host-id"}, "doc": "H."},
                {"name": "boot_id", "type": {"type": "string", "logicalType": "boot-id"}, "doc": "B."},
                {"name": "epoch", "type": {"type": "long", "logicalType": "probe-epoch"}, "doc": "E."},
                {"name": "cpu", "type": "int", "doc": "C."},
                {"name": "sequence", "type": {"type": "long", "logicalType": "sequence"}, "doc": "S."},
                {"name": "ktime_ns", "type": {"type": "long", "logicalType": "monotonic-nanos"}, "doc": "K."},
                {"name": "time", "type": {"type": "long", "logicalType": "timestamp-nanos"}, "ecs": "@timestamp", "doc": "T."},
                {"name": "cgroup_id", "type": {"type": "long", "logicalType": "cgroup-id", "hierarchy": "unified"}, "ecs": "container", "doc": "V."},
                {"name": "memcg_id", "type": ["null", {"type": "long", "logicalType": "cgroup-id", "hierarchy": "memory"}], "default": null, "presentIf": "x", "ecs": "container", "doc": "M."},
                {"name": "prev_cgroup_id", "type": {"type": "long", "logicalType": "cgroup-id", "hierarchy": "unified"}, "doc": "P."}]}
              """);

  private long sequence = 1;
  private Scene scene;

  @BeforeEach
  void open(@TempDir Path state) {
    scene = new Scene(state);
    scene.registry.register(Topics.raw("three"), THREE);
    scene.registry.register(Topics.enriched("three"), EnrichedSchema.of(THREE));
  }

  @AfterEach
  void close() {
    scene.close();
  }

  private void everythingKnown() {
    scene.facts();
    scene.kernelSymbols();
    scene.moduleSymbols();
  }

  private static Consumer<Container> ofPod(long cgroup) {
    return container -> {
      container.setCgroupId(cgroup);
      container.setPath("/kubepods/burstable/pod1/c0ffee");
      container.setContainerId("c0ffee");
      container.setContainerName("web");
      container.setContainerImage("nginx:1.27");
      container.setContainerRuntime("containerd");
      container.setPodUid("pod1");
      container.setPodName("web-7c9");
      container.setPodNamespace("shop");
      container.setPodQos("burstable");
      container.setSystemdUnit(null);
      container.setSystemdSlice(null);
    };
  }

  private void three(long cgroup, Long memcg, long prev) {
    GenericRecord event = new GenericData.Record(THREE);
    event.put("host_id", Scene.HOST);
    event.put("boot_id", Scene.BOOT);
    event.put("epoch", Scene.EPOCH);
    event.put("cpu", 0);
    event.put("sequence", sequence++);
    event.put("ktime_ns", 1L);
    event.put("time", 1_700_000_100_000_000_000L);
    event.put("cgroup_id", cgroup);
    event.put("memcg_id", memcg);
    event.put("prev_cgroup_id", prev);
    scene.send(
        Topics.raw("three"),
        Scene.HOST,
        AvroWriter.generic(scene.registry.idOf(Topics.raw("three")), THREE).write(event));
  }

  private GenericRecord only(String probe) {
    List<GenericRecord> events = scene.read(Topics.enriched(probe));
    assertThat(events).hasSize(1);
    return events.getFirst();
  }

  @Test
  void anEventSaysWhichContainerItIsOf() {
    everythingKnown();
    scene.container(ofPod(43));
    scene.drop(event -> event.put("cgroup_id", 43L));

    GenericRecord event = only("dropwatch");
    assertThat(event.get("cgroup_id")).isEqualTo(43L);
    Map.of(
            "container_id", "c0ffee",
            "container_name", "web",
            "container_image", "nginx:1.27",
            "container_runtime", "containerd",
            "pod_uid", "pod1",
            "pod_name", "web-7c9",
            "pod_namespace", "shop",
            "pod_qos", "burstable",
            "cgroup_path", "/kubepods/burstable/pod1/c0ffee")
        .forEach((field, value) -> assertThat(event.get(field)).as(field).isEqualTo(value));
    assertThat(event.get("systemd_unit")).isNull();
    assertThat(event.get("missing")).isEqualTo(List.of());
  }

  @Test
  void onAPlainHostItSaysWhichUnit() {
    everythingKnown();
    scene.drop();

    GenericRecord event = only("dropwatch");
    assertThat(event.get("systemd_unit")).isEqualTo("nginx.service");
    assertThat(event.get("systemd_slice")).isEqualTo("system.slice");
    assertThat(event.get("container_id")).isNull();
  }

  @Test
  void anEventOfAContainerThatIsGoneStillFindsIt() {
    everythingKnown();
    scene.container(ofPod(43));
    scene.container(
        ofPod(43).andThen(gone -> gone.setEndedAt(Instant.ofEpochSecond(1_700_000_050))));
    scene.send(Topics.CONTAINERS, Scene.HOST + "/" + Scene.BOOT + "/unified/43", null);
    scene.drop(event -> event.put("cgroup_id", 43L));

    assertThat(only("dropwatch").get("container_id")).isEqualTo("c0ffee");
  }

  @Test
  void anEventFromBeforeAContainerWasRenamedHasTheOldName() {
    everythingKnown();
    scene.container(ofPod(43));
    scene.container(
        ofPod(43)
            .andThen(renamed -> {
              renamed.setContainerName("web-old");
              renamed.setObservedAt(Instant.ofEpochSecond(1_700_000_060));
            }));
    scene.drop(event -> {
      event.put("cgroup_id", 43L);
      event.put("time", 1_700_000_059_000_000_000L);
    });
    scene.drop(event -> {
      event.put("cgroup_id", 43L);
      event.put("time", 1_700_000_061_000_000_000L);
    });

    assertThat(scene.enriched())
        .extracting(event -> event.get("container_name"))
        .containsExactly("web", "web-old");
  }

  @Test
  void theSameIdIsAnotherContainersAfterAReboot() {
    everythingKnown();
    scene.facts(facts -> facts.setBootId("b007-2"));
    scene.container(ofPod(43));
    scene.container(
        ofPod(43)
            .andThen(other -> {
              other.setBootId("b007-2");
              other.setContainerId("decaf");
            }));
    scene.drop(event -> event.put("cgroup_id", 43L));
    scene.drop(event -> {
      event.put("cgroup_id", 43L);
      event.put("boot_id", "b007-2");
    });

    assertThat(scene.enriched())
        .extracting(event -> event.get("container_id"))
        .containsExactly("c0ffee", "decaf");
  }

  @Test
  void anEventThatComesFirstWaitsForItsContainer() {
    everythingKnown();
    scene.drop(event -> event.put("cgroup_id", 43L));
    scene.pass(Duration.ofSeconds(1));
    assertThat(scene.enriched()).isEmpty();

    scene.container(ofPod(43));
    scene.pass(Duration.ofMillis(50));

    assertThat(only("dropwatch").get("container_id")).isEqualTo("c0ffee");
  }

  @Test
  void ofACgroupThatNobodyTellsOfOnlyTheFirstEventWaits() {
    everythingKnown();
    scene.drop(event -> event.put("cgroup_id", 43L));
    scene.pass(WAIT);
    GenericRecord first = only("dropwatch");
    assertThat(first.get("container_id")).isNull();
    assertThat(first.get("cgroup_path")).isNull();
    assertThat(first.get("missing"))
        .isEqualTo(List.of("cgroup_id: the host has not told of cgroup 43"));

    scene.drop(event -> event.put("cgroup_id", 43L));
    assertThat(scene.enriched()).as("the second").hasSize(1);
  }

  @Test
  void anEventThatComesWhileItsContainerCannotBeReadYetIsNoDuplicateOfItself(@TempDir Path state) {
    // After a restart: the record is in the store, its schema is still being asked for.
    try (Scene own = new Scene(state)) {
      own.registry.hide(own.registry.idOf(Topics.CONTAINERS));
      own.<String, byte[]>store(EnrichTopology.CONTAINERS)
          .put(
              Scene.HOST + "/" + Scene.BOOT + "/unified/000000000000002b",
              own.containerRecord(ofPod(0x2b)));
      own.facts();
      own.kernelSymbols();
      own.moduleSymbols();
      own.drop(event -> event.put("cgroup_id", 0x2bL));
      own.drop(event -> event.put("cgroup_id", 0x2bL));
      assertThat(own.enriched()).isEmpty();
      own.registry.hide(0);
      own.registry.retry();
      own.pass(Duration.ofMillis(50));

      assertThat(own.enriched()).extracting(event -> event.get("sequence")).containsExactly(1L, 2L);
    }
  }

  @Test
  void ofACgroupThatCameAndWentUnseenNoEventWaits() {
    everythingKnown();
    scene.drop(event -> event.put("cgroup_id", 7L));

    assertThat(only("dropwatch").get("missing"))
        .isEqualTo(List.of("cgroup_id: cgroup 7 came and went unseen"));
  }

  @Test
  void ofAHostThatTellsOfNoneOnlyTheFirstEventWaits() {
    scene.send(Topics.HOSTS, Scene.HOST, scene.factsRecord(facts -> {}));
    scene.kernelSymbols();
    scene.moduleSymbols();
    scene.drop();
    assertThat(scene.enriched()).isEmpty();
    scene.pass(WAIT);
    scene.drop(event -> event.put("cgroup_id", 99L));

    assertThat(scene.enriched())
        .extracting(event -> event.get("missing"))
        .containsExactly(
            List.of("containers: the host has told of none in this boot"),
            List.of("containers: the host has told of none in this boot"));
  }

  @Test
  void theRootCgroupIsNothingToWaitFor() {
    scene.send(Topics.HOSTS, Scene.HOST, scene.factsRecord(facts -> {}));
    scene.kernelSymbols();
    scene.moduleSymbols();
    scene.drop(event -> event.put("cgroup_id", 1L));

    assertThat(only("dropwatch").get("missing")).isEqualTo(List.of());
  }

  @Test
  void ofSeveralCgroupsTheOneInAContainerIsTheEventsOwn() {
    everythingKnown();
    scene.container(v2 -> v2.setControllers(List.of("unified")));
    scene.container(ofPod(43).andThen(memory -> memory.setHierarchy("memory")));
    three(Scene.CGROUP, 43L, 1);

    GenericRecord event = only("three");
    assertThat(event.get("container_id")).isEqualTo("c0ffee");
    assertThat(event.get("systemd_unit")).isNull();
    assertThat(event.get("memcg_id")).isEqualTo(43L);
    assertThat(event.get("prev_cgroup")).isNull();
  }

  @Test
  void anotherCgroupIsDescribedBesideItsIdAndIsNotTheEventsOwn() {
    everythingKnown();
    scene.container(ofPod(43));
    three(Scene.CGROUP, null, 43);

    GenericRecord event = only("three");
    assertThat(event.get("systemd_unit")).isEqualTo("nginx.service");
    assertThat(event.get("container_id")).isNull();
    assertThat(((GenericRecord) event.get("prev_cgroup")).get("container_id")).isEqualTo("c0ffee");
    assertThat(((GenericRecord) event.get("prev_cgroup")).get("pod_name")).isEqualTo("web-7c9");
    assertThat(event.get("missing")).isEqualTo(List.of());
  }

  @Test
  void whatIsKnownSurvivesForAsLongAsRawEventsAndNoLonger() {
    scene.container(ofPod(43));
    scene.pass(EnrichSettings.defaults().keepState().minus(Duration.ofHours(2)));
    assertThat(scene.<String, byte[]>store(EnrichTopology.CONTAINERS).all()).hasNext();
    scene.pass(Duration.ofHours(4));

    assertThat(scene.<String, byte[]>store(EnrichTopology.CONTAINERS).all()).isExhausted();
  }
}
