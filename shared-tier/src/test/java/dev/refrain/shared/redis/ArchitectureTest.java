package dev.refrain.shared.redis;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The dependencies of this module. */
@AnalyzeClasses(packages = "dev.refrain.shared", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule ofTheEngineItKnowsTheSpiAndTheBudgetAlone = noClasses()
            .should()
            .dependOnClassesThat(resideInAPackage("dev.refrain..")
                    .and(not(resideInAnyPackage(
                            "dev.refrain.engine.spi", "dev.refrain.engine.memory", "dev.refrain.shared.."))));

    @ArchTest
    static final ArchRule usersSeeTheTierAndItsSettings =
            classes().that().arePublic().should().haveNameMatching(".*\\.(RedisTier|RedisTierSettings(\\$Tls)?)");
}
