package dev.refrain.http2;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** What the module of HTTP/2 may depend on. */
@AnalyzeClasses(packages = "dev.refrain", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule itKnowsTheMemoryBudgetAndFramesAlone = noClasses()
            .that()
            .resideInAPackage("dev.refrain.http2..")
            .should()
            .dependOnClassesThat(new DescribedPredicate<>("are of another package of ours") {
                @Override
                public boolean test(JavaClass used) {
                    String name = used.getPackageName();
                    return name.startsWith("dev.refrain.")
                            && !name.equals("dev.refrain.http2")
                            && !name.equals("dev.refrain.engine.memory")
                            && !name.equals("dev.refrain.semantics.framing");
                }
            });
}
