/** The commands of {@code ./bianque}: the whole pipeline on one machine, and a look into it. */
package io.bianque.standalone;
