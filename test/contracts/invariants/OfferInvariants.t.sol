// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICatalog} from "../../../contracts/interfaces/ICatalog.sol";
import {ILabelRegistry} from "../../../contracts/interfaces/ILabelRegistry.sol";
import {Books} from "../support/Books.sol";
import {PointsBook} from "../support/PointsBook.sol";
import {Inspection} from "./Inspection.sol";

/// @title Listings, prices, labels and points are as told
abstract contract OfferInvariants is Inspection {
    /// 9. Listings move only along the allowed graph, and are what their sellers said last; archived ones never change.
    function invariant_9_listingsAreAsTold() internal view {
        ICatalog.Listing[] memory listings = books.listings();
        equal(sys.catalog.listingCount(), listings.length, "9: listings");
        for (uint256 i; i < listings.length; ++i) {
            equal(abi.encode(sys.catalog.listingOf(i + 1)), abi.encode(listings[i]), "9: a listing");
        }
    }

    /// 12. A curve's price is equal to an independent model, 0 only where free.
    function invariant_12_priceEqualsModel() internal view {
        uint256[2][] memory prices = books.nextPrices();
        for (uint256 i; i < prices.length; ++i) {
            equal(sys.catalog.quote(i + 1, 1, block.timestamp), prices[i][0], "12: the next price");
        }
    }

    /// 13. n keys bought at once cost no more than n bought singly.
    function invariant_13_notDearerAtOnce() internal view {
        uint256[2][] memory prices = books.nextPrices();
        for (uint256 i; i < prices.length; ++i) {
            uint256 atOnce = sys.catalog.quote(i + 1, 2, block.timestamp);
            isTrue(atOnce <= prices[i][0] + prices[i][1], "13: dearer at once");
        }
    }

    /// 15. Points: minted = balances + burned; never negative; none for refunded or related trades.
    function invariant_15_pointsAreMintedOnce() internal view {
        Books.AgentEntry[] memory agents = books.agents();
        uint256 balances;
        uint256 lifetimes;
        for (uint256 i; i < agents.length; ++i) {
            uint256 balance = sys.points.balanceOf(i + 1);
            uint256 lifetime = sys.points.lifetimeOf(i + 1);
            equal(balance, agents[i].points, "15: points of an agent");
            equal(lifetime, books.lifetimePointsOf(i + 1), "15: points ever earned");
            balances += balance;
            lifetimes += lifetime;
        }
        equal(balances + books.pointsBurned(), books.pointsMinted(), "15: minted, held and burned points");
        equal(lifetimes, books.pointsMinted(), "15: minted and earned points");
    }

    /// 16. Points minted per pair and day ≤ the cap.
    function invariant_16_pairsStayBelowTheirCap() internal view {
        PointsBook.PairDay[] memory pairDays = books.pairDays();
        for (uint256 i; i < pairDays.length; ++i) {
            isTrue(pairDays[i].minted <= pairDays[i].mostMinted, "16: points of a pair on one day");
        }
    }

    /// 20. One live label per validator and EK; the aggregates are the sums of the labels.
    function invariant_20_aggregatesAreSums() internal view {
        uint256 count = books.listingCount();
        uint256 agents = books.agentCount();
        for (uint256 ekId = 1; ekId <= count; ++ekId) {
            ILabelRegistry.Aggregate memory a = sys.labels.aggregateOf(ekId);
            Books.LabelSums memory sums = books.labelSums(ekId);
            uint32[5] memory scores = [a.authenticity, a.utility, a.reproducibility, a.freshness, a.safety];
            for (uint256 i; i < 5; ++i) {
                equal(scores[i], sums.scores[i], "20: sum of a score");
            }
            equal(a.count, sums.count, "20: labels of a listing");
            if (sums.count == 0) continue;
            uint256 labels;
            for (uint256 agentId = 1; agentId <= agents; ++agentId) {
                if (sys.labels.labelOf(ekId, agentId).createdAt != 0) ++labels;
            }
            equal(labels, sums.count, "20: labels and validators");
        }
    }
}
