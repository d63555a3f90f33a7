package io.bianque.agent.libbpf;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.bianque.agent.testing.KernelTest;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What libbpf says when it fails, and what a loaded object tells. */
@KernelTest
class BpfObjectTest {
  private static final Path DROPWATCH = Path.of("../bpf/target/probes/dropwatch.bpf.o");

  @Test
  void whatIsNoObjectIsRefusedWithLibbpfsWords() {
    BpfException refused =
        catchThrowableOfType(
            BpfException.class, () -> BpfObject.open("garbage", "no object".getBytes(UTF_8)));

    assertThat(refused.function()).isEqualTo("bpf_object__open_mem");
    assertThat(refused.subject()).isEqualTo("garbage");
    assertThat(refused.errnoName()).startsWith("FORMAT");
    assertThat(refused.log()).contains("elf");
  }

  @Test
  void attachingWhatIsNotLoadedNamesTheProgram() throws Exception {
    try (BpfObject object = open()) {
      BpfException refused =
          catchThrowableOfType(
              BpfException.class, () -> object.programs().getFirst().attach().close());

      assertThat(refused.function()).isEqualTo("bpf_program__attach");
      assertThat(refused.subject()).isEqualTo("dropwatch/kfree_skb__tp_btf");
      assertThat(refused.errnoName()).isEqualTo("EINVAL");
      assertThat(refused.log()).contains("kfree_skb__tp_btf");
    }
  }

  /** The verifier's log is far longer than what is kept: its end is what says why. */
  @Test
  void verifiersLastWordsAreKept() throws Exception {
    try (BpfObject object = open()) {
      object.programs().forEach(p -> p.autoload(p.name().equals("kfree_skb__tp_btf")));
      object.map("events_perf").orElseThrow().autocreate(false);
      // A program that asks for a map that is not created is refused.
      object.map("counters").orElseThrow().autocreate(false);
      BpfException refused = catchThrowableOfType(BpfException.class, object::load);

      assertThat(refused.function()).isEqualTo("bpf_object__load");
      assertThat(refused.log()).hasSizeLessThanOrEqualTo(4096).contains("kfree_skb__tp_btf");
      assertThat(refused.log()).contains("END PROG LOAD LOG").doesNotContain("ulimit");
    }
  }

  @Test
  void programsComeInTheOrderOfTheSource() throws Exception {
    try (BpfObject object = open()) {
      assertThat(object.programs())
          .extracting(BpfProgram::section)
          .startsWith("tp_btf/kfree_skb", "raw_tp/kfree_skb", "tp/skb/kfree_skb");
    }
  }

  @Test
  void constantsCanBeWrittenBeforeLoading() throws Exception {
    try (BpfObject object = open()) {
      ByteBuffer constants = object.map(".rodata").orElseThrow().initialValue();

      assertThat(constants.getInt(0)).isEqualTo(100);
      constants.putInt(0, 7);
      assertThat(object.map(".rodata").orElseThrow().initialValue().getInt(0)).isEqualTo(7);
    }
  }

  @Test
  void whatIsLoadedOutlivesItsObject() throws Exception {
    KernelProgram program;
    KernelMap counters;
    try (BpfObject object = open()) {
      object.programs().forEach(p -> p.autoload(p.name().equals("kfree_skb__tp_btf")));
      object.map("events_perf").orElseThrow().autocreate(false);
      object.load();
      program = object.programs().getFirst().inKernel();
      counters = object.map("counters").orElseThrow().inKernel();
    }
    try (program;
        counters) {
      assertThat(program.statistics().runCount()).isZero();
      assertThat(program.statistics().recursionMisses()).hasValue(0);
      assertThat(counters.lookupPerCpu(0)).containsOnly(0);
    }
  }

  private static BpfObject open() throws Exception {
    return BpfObject.open("dropwatch", Files.readAllBytes(DROPWATCH));
  }
}
