package io.bianque.standalone;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TestReportCommandTest {

  @TempDir private Path folder;
  private final StringWriter out = new StringWriter();

  @Test
  void theLastLineAddsUpAllReportsAndFailuresMakeItFail() throws IOException {
    report(
        "a/TEST-A.xml",
        "<testcase classname='x.A' name='one'/><testcase classname='x.A' name='two'><failure message='no'/></testcase>");
    report(
        "b/TEST-B.xml",
        "<testcase classname='x.B' name='three'><skipped message='Assumption failed: needs root'/></testcase>");

    assertThat(run()).isEqualTo(ExitCode.FAILED);
    assertThat(lines())
        .containsExactly(
            "skipped: B.three: needs root", "failed: A.two: no", "1 passed, 1 failed, 1 skipped");
  }

  @Test
  void theReasonOfAnAssumptionStandsBeforeItsTrace() throws IOException {
    report(
        "TEST-A.xml",
        "<testcase classname='x.A' name='one'/><testcase classname='x.A' name='two'><skipped type='x.Aborted'>"
            + "<![CDATA[x.Aborted: \nnot shown yet: no trigger\n\tat x.A.two(A.java:1)]]></skipped></testcase>");

    assertThat(run()).isEqualTo(ExitCode.OK);
    assertThat(lines())
        .containsExactly(
            "skipped: A.two: not shown yet: no trigger", "1 passed, 0 failed, 1 skipped");
  }

  @Test
  void nothingRunIsAFailure() throws IOException {
    report("TEST-B.xml", "<testcase classname='x.B' name='three'><skipped/></testcase>");

    assertThat(run()).isEqualTo(ExitCode.FAILED);
    assertThat(lines()).last().isEqualTo("0 passed, 0 failed, 1 skipped");
  }

  @Test
  void allPassedIsWell() throws IOException {
    report("TEST-A.xml", "<testcase classname='x.A' name='one'/>");

    assertThat(run()).isEqualTo(ExitCode.OK);
    assertThat(lines()).containsExactly("1 passed, 0 failed, 0 skipped");
  }

  private int run() {
    return Bianque.commandLine()
        .setOut(new PrintWriter(out, true))
        .execute("test-report", folder.toString());
  }

  private List<String> lines() {
    return out.toString().lines().toList();
  }

  private void report(String name, String cases) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, "<testsuite>" + cases + "</testsuite>");
  }
}
